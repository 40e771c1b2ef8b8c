/* layout_kinds.h - what each word of a program's records is, as layout.def says: NAME_kinds[] by section, for those that walk
 * over records word by word (verify.c, depend.c). Room-internal. */
#ifndef ENGINE_LAYOUT_KINDS_H
#define ENGINE_LAYOUT_KINDS_H

#include "engine/program.h"

enum kind {
	KIND_WORD,
	KIND_STR,
	KIND_NUM,
	KIND_TEXT,
	KIND_EXPR,
	KIND_SMALL,
	KIND_FLAGS,
	KIND_COUNT,
	KIND_REF,
	KIND_FIRST = KIND_REF + SECTION_COUNT,
#define SECTION(name) KIND_REF_##name = KIND_REF + SECTION_##name, KIND_FIRST_##name = KIND_FIRST + SECTION_##name,
	SECTIONS(SECTION)
#undef SECTION
};

#define F(member, kind) KIND_##kind,
#define SECTION(name) static const uint8_t name##_kinds[] __attribute__((unused)) = {name##_FIELDS(F)};
SECTIONS(SECTION)
#undef SECTION
#undef F

#endif
