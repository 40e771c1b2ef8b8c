/* banned.h - included before every source file: functions that have a better way here.
 * The names are poisoned after the system headers that declare them have been read. */
#ifndef TOOLS_BANNED_H
#define TOOLS_BANNED_H
#if !defined(__wasm__) && __STDC_HOSTED__
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#endif
#ifdef USES_OPENSSL               /* its declarations have parameters named rand */
#include <openssl/evp.h>
#endif
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atof localtime gmtime ctime asctime rand srand
#endif
