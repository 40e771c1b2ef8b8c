/* mail_templates.h - the files of templates/, as the build takes them in (tools/text_to_c.py). */
#ifndef MAIL_MAIL_TEMPLATES_H
#define MAIL_MAIL_TEMPLATES_H

#include "base/str.h"

#define MAIL(name, text, link, values) extern const struct str mail_##text##_en, mail_##text##_vi;
#include "core/mails.def"
#undef MAIL

#endif
