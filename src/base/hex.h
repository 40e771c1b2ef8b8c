/* hex.h - one hexadecimal digit, either case, for the readers of this room. Private to it. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#define HEX_NONE 16u

/* 0 to 15, or HEX_NONE */
static inline unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : HEX_NONE;
}

#endif
