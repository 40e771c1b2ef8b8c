/* tx_private.h - what the files of tx.h share. */
#ifndef CORE_TX_PRIVATE_H
#define CORE_TX_PRIVATE_H

#include "core/tx.h"

/* It failed because another transaction was first (serialisation failure, deadlock): the same again may well succeed. */
bool tx_lost_race(const struct tx *tx);

#endif
