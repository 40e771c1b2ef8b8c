/* vault_double.h - a table of data keys in memory, in the place of a database: vault_double.c has the few tx_*() of core that the vault uses. For its tests. */
#ifndef VAULT_VAULT_DOUBLE_H
#define VAULT_VAULT_DOUBLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "vault/vault.h"

struct key_record {
	struct uuid tenant;
	char purpose[16];
	int64_t version;
	char wrapped[128];
	size_t wrapped_n;
	char kek_id[17];
	bool settled, retired;
};
struct table {
	struct key_record rows[2000];
	size_t n;
	int reads, inserts;
};
struct tx {
	struct table *table;
	struct uuid tenant;
	bool seals_all;
};

#endif
