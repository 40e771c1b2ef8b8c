/* number.h - arithmetic that gives the same bits on every machine: no C library, no fused operations. Room-internal. */
#ifndef ENGINE_NUMBER_H
#define ENGINE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

double number_trunc(double v);
double number_floor(double v);
/* To so many decimals (below 0: tens, hundreds); halves away from zero, by the shortest digits that read back as v. */
double number_round(double v, int decimals);
double number_cut(double v, int decimals); /* the same towards zero */
double number_mod(double a, double b);	     /* rest with the sign of a; b not 0 */
double number_sqrt(double v);		     /* v >= 0 */
/* false where there is no finite real result */
bool number_pow(double base, double exponent, double *out);
/* The nearest number with so many decimals (0 to 42), the upper one of two: worked out exactly, so that a sum of decimals has the
 * decimals of its parts and no others. Finite v. */
double number_decimals(double v, int decimals);
bool number_finite(double v);
/* The whole part, clipped to what 53 bits hold: a plain cast of more is undefined. */
int64_t number_int(double v);

#endif
