/* intake_open.c - the writers of answers, from the start of the server to its end. */
#include "fieldwork/writing.h"

enum err intake_open(struct app *app, struct intake **out)
{
	struct intake *in = calloc(1, sizeof *in);
	enum err e;

	if (!in)
		return ERR_MEMORY;
	in->app = app;
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->freed, NULL);
	if (!(e = batch_open(app, PG_PUBLIC, &intake_room, in, &in->batch)) &&
	    !(e = batch_open(app, PG_PUBLIC, &ahead_room, in, &in->ahead))) {
		*out = in;
		return OK;
	}
	intake_close(in);
	return e;
}

void intake_close(struct intake *in)
{
	if (!in)
		return;
	batch_close(in->ahead);
	batch_close(in->batch);
	pthread_cond_destroy(&in->freed);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

void intake_counts(struct intake *in, struct batch_counts *out)
{
	batch_counts(in->batch, out);
}
