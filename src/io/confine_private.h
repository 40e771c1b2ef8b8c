/* confine_private.h - between confine.c and confine_calls.c. */
#ifndef IO_CONFINE_PRIVATE_H
#define IO_CONFINE_PRIVATE_H

#include "io/confine.h"

/* Sanitizers look into their own process, stop its threads and run another program: what only they need is left to them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZERS 1
#else
#define SANITIZERS 0
#endif

/* Lets through the system calls of the list only; false, with why in words. */
bool confine_calls(char why[CONFINE_WHY_BYTES]);

#endif
