/* render_device.c - questions that a device helps to answer: barcode, geopoint, files, photos, recordings, signatures. Each can be
 * answered by hand; what a script may add (a button to scan, to locate) is told in data attributes, in the respondent's language. */
#include "engine/render.h"
#include "base/limits.h"

void paint_barcode(struct painter *p)
{
	p->x = paint_words(p, MSG_SCAN);
	p->y = paint_number(p, p->q->at_most);
	p->z = run_show(p->r, &p->now);
	paint(p, "<div class=\"cc-field\" data-scan=\"$x\"><input class=\"cc-input\" type=\"text\"" PAINT_FIELD
		 " autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\"$(y maxlength=\"$y\"$) "
		 "value=\"$z\"" PAINT_ATTRIBUTES "></div>");
}

/* The accuracy is what the device says of its own reading: nobody types it. */
static void paint_coordinate(struct painter *p, int i)
{
	const struct value *now;

	p->row = str_from(geopoint_fields[i]);
	now = value_field(&p->now, p->row);
	p->x = paint_words(p, i ? MSG_LONGITUDE : MSG_LATITUDE);
	p->z = now ? run_show(p->r, now) : S("");
	paint_set(p, 'A', i < 2);
	paint(p, "$(A<div class=\"cc-item\"><label class=\"cc-item-title\" for=\"q-$n-$w\">$x</label>$)"
		 "<input$(A class=\"cc-input\"$) type=\"$(Atext$:hidden$)\"$(A inputmode=\"decimal\"$) id=\"q-$n-$w\" "
		 "name=\"q-$n-$w\""
		 "$(A autocomplete=\"off\"$) value=\"$z\"$(A" PAINT_ABOUT "$)>$(A</div>$)");
}

void paint_geopoint(struct painter *p)
{
	p->x = paint_words(p, MSG_LOCATE);
	p->y = paint_words(p, MSG_NOT_LOCATED);
	paint(p, "<div class=\"cc-items\" data-locate=\"$x\" data-not-located=\"$y\">");
	for (int i = 0; i < GEOPOINT_FIELDS; i++)
		paint_coordinate(p, i);
	paint(p, "</div>");
}

/* What has been sent already stays by a tick, which carries the reference. */
static void paint_reference(struct painter *p, const struct value *file)
{
	const struct value *name = value_field(file, S("name")), *size = value_field(file, S("size_bytes"));
	struct json_out w;
	struct buf b;

	buf_init(&b, p->r->a, VALUE_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	value_json(&w, file);
	p->u = S("");
	if (buf_done(&b, &p->u) == ERR_MEMORY)
		p->r->failed = ERR_MEMORY;
	p->x = name ? run_show(p->r, name) : S("");
	p->y = size && size->kind == V_NUM ? media_size(p->r, size->num) : S("");
	paint(p, "<label class=\"cc-choice\"><input class=\"cc-choice-input\" type=\"checkbox\" name=\"q-$n\" "
		 "value=\"$u\" checked>"
		 "<span class=\"cc-choice-label\">$x</span>$(y <span class=\"cc-file-size\">$y</span>$)</label>");
}

static void paint_chooser(struct painter *p)
{
	uint32_t type = p->q->type;

	p->x = paint_words(p, MSG_CHOOSE_FILE);
	p->y = program_str(p->r->p, p->q->accept);
	p->z = type == Q_photo || type == Q_video ? S("environment") : type == Q_audio ? S("user") : S("");
	paint_set(p, 'A', p->q->at_most && program_num(p->r->p, p->q->at_most) > 1);
	paint(p, "<label class=\"cc-item-title\" for=\"q-$n--input\">$x</label>"
		 "<input class=\"cc-input\" type=\"file\" id=\"q-$n--input\" name=\"q-$n--input\"$(y accept=\"$y\"$)"
		 "$(z capture=\"$z\"$)$(A multiple$)" PAINT_ABOUT ">");
}

void paint_files(struct painter *p)
{
	paint(p, "<div class=\"cc-files\">");
	for (uint32_t i = 0; p->now.kind == V_LIST && i < p->now.count; i++)
		if (p->now.items[i].kind == V_RECORD)
			paint_reference(p, &p->now.items[i]);
	paint_chooser(p);
	paint(p, "</div>");
}
