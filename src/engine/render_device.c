/* render_device.c - questions that a device helps to answer: barcode, geopoint, files, photos, recordings, signatures. Each can be
 * answered by hand; what a script may add (a button to scan, to locate) is told in data attributes, in the respondent's language. */
#include "engine/render.h"
#include "base/limits.h"

static struct str words(struct painter *p, enum message m)
{
	return message(p->r, m, S(""), S(""));
}

void paint_barcode(struct painter *p)
{
	paint_div(p, "cc-field");
	html_attr(p->h, "data-scan", words(p, MSG_SCAN));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", S("text"));
	html_attr(p->h, "id", p->input);
	html_attr(p->h, "name", p->field);
	html_attr(p->h, "autocomplete", S("off"));
	html_attr(p->h, "autocapitalize", S("none"));
	html_attr(p->h, "spellcheck", S("false"));
	html_attr(p->h, "value", run_show(p->r, &p->now));
	paint_attributes(p);
	html_close_void(p->h);
	html_close(p->h, "div");
}

/* The accuracy is what the device says of its own reading: nobody types it. */
static void paint_coordinate(struct painter *p, int i)
{
	struct str name = str_from(geopoint_fields[i]), id = paint_id(p, '-', name);
	const struct value *now = value_field(&p->now, name);
	struct str value = now ? run_show(p->r, now) : S("");

	if (i < 2) {
		paint_div(p, "cc-item");
		html_open(p->h, "label");
		html_attr(p->h, "class", S("cc-item-title"));
		html_attr(p->h, "for", id);
		html_text(p->h, words(p, i ? MSG_LONGITUDE : MSG_LATITUDE));
		html_close(p->h, "label");
	}
	html_open(p->h, "input");
	if (i < 2)
		html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", i < 2 ? S("text") : S("hidden"));
	if (i < 2)
		html_attr(p->h, "inputmode", S("decimal"));
	html_attr(p->h, "id", id);
	html_attr(p->h, "name", id);
	if (i < 2)
		html_attr(p->h, "autocomplete", S("off"));
	html_attr(p->h, "value", value);
	if (i < 2)
		paint_attributes(p);
	html_close_void(p->h);
	if (i < 2)
		html_close(p->h, "div");
}

void paint_geopoint(struct painter *p)
{
	paint_div(p, "cc-items");
	html_attr(p->h, "data-locate", words(p, MSG_LOCATE));
	html_attr(p->h, "data-not-located", words(p, MSG_NOT_LOCATED));
	for (int i = 0; i < GEOPOINT_FIELDS; i++)
		paint_coordinate(p, i);
	html_close(p->h, "div");
}

/* What has been sent already stays by a tick, which carries the reference. */
static void paint_reference(struct painter *p, const struct value *file)
{
	const struct value *name = value_field(file, S("name")), *size = value_field(file, S("size_bytes"));
	struct str text = S(""), label = name ? run_show(p->r, name) : S("");
	struct json_out w;
	struct buf b;

	buf_init(&b, p->r->a, VALUE_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	value_json(&w, file);
	if (buf_done(&b, &text) == ERR_MEMORY)
		p->r->failed = ERR_MEMORY;
	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-choice"));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-choice-input"));
	html_attr(p->h, "type", S("checkbox"));
	html_attr(p->h, "name", p->field);
	html_attr(p->h, "value", text);
	html_attr_bool(p->h, "checked", true);
	html_close_void(p->h);
	paint_span(p, "cc-choice-label", label);
	if (size && size->kind == V_NUM) {
		html_text(p->h, S(" "));
		paint_span(p, "cc-file-size", media_size(p->r, size->num));
	}
	html_close(p->h, "label");
}

static void paint_chooser(struct painter *p)
{
	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-item-title"));
	html_attr(p->h, "for", p->input);
	html_text(p->h, words(p, MSG_CHOOSE_FILE));
	html_close(p->h, "label");
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", S("file"));
	html_attr(p->h, "id", p->input);
	html_attr(p->h, "name", p->input);
	if (p->q->accept)
		html_attr(p->h, "accept", program_str(p->r->p, p->q->accept));
	if (p->q->type == Q_photo || p->q->type == Q_video)
		html_attr(p->h, "capture", S("environment"));
	if (p->q->type == Q_audio)
		html_attr(p->h, "capture", S("user"));
	html_attr_bool(p->h, "multiple", p->q->at_most && program_num(p->r->p, p->q->at_most) > 1);
	paint_attributes(p);
	html_close_void(p->h);
}

void paint_files(struct painter *p)
{
	paint_div(p, "cc-files");
	for (uint32_t i = 0; p->now.kind == V_LIST && i < p->now.count; i++)
		if (p->now.items[i].kind == V_RECORD)
			paint_reference(p, &p->now.items[i]);
	paint_chooser(p);
	html_close(p->h, "div");
}
