/* password.h - passwords that the command line makes or takes. */
#ifndef MAIN_PASSWORD_H
#define MAIN_PASSWORD_H

#include "base/arena.h"
#include "base/str.h"

/* 16 characters that no one mistakes for each other: 80 bits. */
enum err password_make(struct arena *a, struct str *out);
/* From a file or, for "-", from standard input; one line feed at the end is not part of it. ERR_INVALID: not 8 to 200 bytes. ERR_IO. */
enum err password_read(const char *path, struct arena *a, struct str *out);

#endif
