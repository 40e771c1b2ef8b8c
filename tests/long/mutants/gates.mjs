// Mutants of the program: one check each, by a change of its source. The changed file alone is compiled, as the build does it, and linked before the
// libraries, so that it stands in for its like.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { command, run } from '../../harness/run.mjs';
import { apiCatches } from './api.mjs';

const build = resolve(process.env.COTEST_BUILD);
let compile, made = 0;
const link = {}; // by program

/** [name, file, what stands there once, what it becomes, parts that have to notice]. */
const GATES = [
	['places that are kept are given away', 'fieldwork/intake_alone.c', 'moves[k].used + moves[k].leased > 0 && row->used + row->leased >= limit', 'moves[k].used + moves[k].leased > 0 && row->used >= limit', ['api/quota_leases']],
	['who keeps a place takes another', 'fieldwork/intake_places.c', 'if (!open || !had)', 'if (true)', ['api/quota_leases']],
	['a kept place is not given back', 'fieldwork/intake_places.c', 'if (!holds(&w->places, &held.cells[i]) && !stays(w, &held.cells[i]))', 'if (false)', ['api/quota_leases']],
	['draws do not wait for each other', 'fieldwork/intake_batch.c', 'if (draws(writing_of(g->items[i])))', 'if (false)', ['api/least_filled: 300 interviews']],
	['a full cell does not undo what is stored with it', 'fieldwork/intake_batch.c', 'if (n == 0 || r->refused == 0)', 'if (true || r->refused == 0)', ['api/writers: the last places']],
	['what is drawn by is not locked', 'fieldwork/intake_alone.c', 'for (size_t k = 0; k < own->draws.n; k++)', 'for (size_t k = 0; false; k++)', ['api/least_filled: 300 interviews']],
	['it is drawn again', 'fieldwork/intake_draw.c', 'if (!row.drawn || row.drawn->count == 0)', 'if (true)', ['api/least_filled: page by page in HTML']],
	['a draw that was undone is kept', 'fieldwork/sitting.c', '	s->state = *before;', '	(void)before;', ['api/least_filled: a draw that was undone']],
	['what is behind a draw is judged before it', 'fieldwork/interview_http.c', 'if (v->draws_at < 0 || v->draws_at == page)', 'if (true)', ['api/least_filled: completed without a page']],
	['whole answers are drawn anew', 'fieldwork/public_http.c', 'x->submission.drawn = drawn;', '(void)drawn;', ['api/least_filled: what was drawn elsewhere']],
	['one\'s own place turns one away', 'fieldwork/quota.c', 'if (!now.now[i].own && now.now[i].used', 'if (now.now[i].used', ['api/quota_leases']],
	['no permission is asked for', 'core/router.c', 'return scope_asks(rq, ((struct visit *)rq->x->user)->end) || req_can(rq, row->perm) ? OK : ERR_FORBIDDEN;', 'return OK;', ['api/matrix: each role may do']],
	['a version is read, not compared (projects)', 'tenant/tenant_http.c', 'return now.version == rq->if_match_version ? OK : ERR_STALE;', 'return OK;', ['api/matrix: which version']],
	['a version is read, not compared (surveys)', 'survey/survey_http.c', 'return e ? e : row->version == rq->if_match_version ? OK : ERR_STALE;', 'return e;', ['api/matrix: which version']],
	['a version is read, not compared (links)', 'fieldwork/link_http.c', 'return now->version == rq->if_match_version ? OK : ERR_STALE;', 'return OK;', ['api/matrix: which version']],
	['a version is read, not compared (members)', 'auth/auth_member_http.c', 'if (version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (roles)', 'auth/auth_role_http.c', 'if (now.version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (keys, clients)', 'auth/auth_credential_http.c', 'if (now.version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (an answer edited)', 'fieldwork/response_edit.c', 'if (x->row.version != x->rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (an answer deleted)', 'fieldwork/response_change_http.c', 'if (now.version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (sealing)', 'fieldwork/sealing_http.c', 'if (row.version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (privacy settings)', 'privacy/privacy_settings_http.c', 'if (changed == 0)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (security settings)', 'auth/auth_second_http.c', 'if (changed == 0)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (invitations)', 'auth/auth_invitation_http.c', 'if (i.version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (identities)', 'auth/auth_identity_http.c', 'if (now.version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (identity providers)', 'auth/auth_oidc_provider_http.c', 'if (out->version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a version is read, not compared (roles in projects)', 'auth/auth_project_http.c', 'if (version != rq->if_match_version)', 'if (false)', ['api/matrix: which version']],
	['a role gives what its giver has not', 'auth/auth_role_http.c', 'if ((bits & ~rq->who.permissions) >> PERM_FIRST_GIVEN == 0)', 'if (true)', ['api/members', 'api/keys']],
	['who holds more in a project is removed', 'auth/auth_member_http.c', 'role_may_give(rq, before, NULL)', 'OK', ['api/project_roles']],
	['who holds more is touched', 'auth/auth_member_http.c', 'if ((e = role_may_give(rq, *permissions, NULL)))', 'if (false)', ['api/members']],
	['the last owner goes', 'auth/auth_member_http.c', 'if (n == 1 && uuid_eq(&owners[0].user_id, &rq->ids[0]) && !stays_owner)', 'if (false)', ['api/members']],
	['sign-ins are hashed by the workers of answers', 'core/router.c', '!(rq->route->flags & ROUTE_SLOW) || !rq->app->slow', 'true', ['api/slow: a hundred']],
	['any secret opens an API key', 'auth/auth_key.c', '!secret_eq(row->sha256, digest)', 'false', ['api/keys']],
	['a key does what only people may', 'auth/auth_key.c', '& ~PERMS_OF_ONESELF', '| PERMS_OF_ONESELF', ['api/keys', 'api/matrix: each role may do']],
	['a token does more than it says', 'auth/auth.c', '.permissions = m.permissions & claims.scopes,', '.permissions = m.permissions,', ['api/keys', 'api/matrix: each role may do']],
	['a signature is not looked at', 'auth/auth_token.c', '!signature_ok(k, a, token, rest) ||', '', ['api/sessions', 'api/login']],
	['a header is not looked at', 'auth/auth_token.c', '!header_ok(a, header, kind->type) ||', '', ['api/sessions', 'api/login']],
	['a sign-in under way outlasts a new password', 'auth/auth_login_http.c', 'if (row->password_hash.n == 0)', 'if (true)', ['api/sessions: waits between']],
	['a session gets longer by switching', 'auth/auth_session.c', '"stop = tonumber(redis.call(\'HGET\', KEYS[3], \'end\') or 0) "', '', ['api/sessions']],
	['roles in projects have no end', 'auth/auth_project_http.c', 'if (e == ERR_NOT_FOUND && projects >= PROJECT_ROLES_MAX)', 'if (false)', ['api/project_roles']],
	['a hidden project is there', 'core/router_scope.c', 'return rq->who.guest ? ERR_NOT_FOUND : permitted(rq);', 'return rq->who.guest ? OK : permitted(rq);', ['api/project_roles']],
	['a role in a project is asked for nothing', 'core/router_scope.c', '	if ((e = see(rq, project, NULL)))\n		return e;\n	return permitted(rq);', '	return see(rq, project, NULL);', ['api/project_roles']],
	['lists show every project', 'core/router_scope.c', 'if (!holds(rq->grants.items[i].permissions, rq->route->perm))', 'if (false)', ['api/project_roles']],
	['a survey is moved to where its mover may not', 'core/router_scope.c', 'if (!holds(there, rq->route->perm))', 'if (false)', ['api/project_roles']],
	['a survey is moved to where its mover may do more', 'core/router_scope.c', 'gains(rq, g))', 'false)', ['api/project_roles']],
	['who was given his first role moves a survey there', 'core/router_scope.c', '	if (!applies(rq) && (!moves || (e = rq->app->project_grants(rq, &rq->grants))))\n		return moves ? e : OK;', '	if (!applies(rq))\n		return e = OK;', ['api/member_changes: a survey']],
	['other servers hear of no change', 'auth/auth.c', '	cache_drop(auth->app->cache, &kind, str_make(key, sizeof key));', '	(void)kind;', ['api/member_changes: other server']],
	['a key moves a survey to where its owner may do more', 'auth/auth.c', '.held = m.permissions,', '.held = UINT64_MAX,', ['api/project_roles']],
	['a project gives what a key has not', 'auth/auth_project.c', 'const uint64_t given = rq->who.scopes &', 'const uint64_t given =', ['api/project_roles']],
	['the transaction sees every project', 'core/router.c', 'if (rq->scope.n > 0)', 'if (false)', ['api/project_roles']],
	['a secret is kept in a stored reply\'s place', 'core/router_read.c', '(rq->route->flags & ROUTE_SECRET) &&', 'false &&', ['api/keys']],
	['a session that ended lives', 'auth/auth_session.c', 'if (!there)', 'if (false)', ['api/sessions']],
	['a refresh token made up of ids ends a session', 'auth/auth_session.c', 'return CRYPTO_memcmp(tag, bytes.p + sizeof *out, REFRESH_TAG_BYTES) == 0 ? OK : ERR_UNAUTHENTICATED;', 'return OK;', ['api/sessions: forged']],
	['a used refresh token is taken whenever', 'auth/auth_session.c', 'now - s[3] <= tonumber(ARGV[5])', 'true', ['api/sessions']],
	['a reused refresh token ends nothing', 'auth/auth_session.c', '"redis.call(\'DEL\', KEYS[1]) redis.call(\'ZREM\', KEYS[2], ARGV[6]) "\n    "return {3}";', '"return {3}";', ['api/sessions']],
	['a cookie alone renews a session', 'auth/auth_login_http.c', 'if (!secret_eq(guard, req_header(rq, S("X-Forgery-Token"))))', 'if (false)', ['api/sessions']],
	['wrong passwords cost no time', 'auth/auth_backoff.c', 'if (r[0] <= 0)', 'if (true)', ['api/backoff', 'api/sessions']],
	['what was right stays counted', 'auth/auth_backoff.c', 'return take_back(rq, b, b->own);', 'return OK;', ['api/backoff: gives back']],
	['strangers lock known devices out', 'auth/auth_backoff.c', 'if (device.n == 0)', 'if (true)', ['api/backoff: stranger']],
	['asking for mails counts as guessing', 'auth/auth_password_http.c', 'BACKOFF_MAIL, in->email', 'BACKOFF_PASSWORD, in->email', ['api/backoff: mails']],
	['any device token is good', 'auth/auth_device.c', 'if (device_sign(rq, email, &right) ||', 'if (false &&', ['api/backoff: worth nothing']],
	['a device stays known whatever changes', 'auth/auth_device.c', 'if (!secret_eq(\n		str_make((const char *)d->bound, sizeof d->bound)', 'if (false && !secret_eq(\n		str_make((const char *)d->bound, sizeof d->bound)', ['api/known_devices: with another password']],
	['signing out everywhere leaves devices known', 'auth/auth_http.c', ' && !(e = devices_forget(rq))', '', ['api/known_devices: everywhere']],
	['who changes his password becomes a stranger', 'auth/auth_password_http.c', ' ||\n	    (e = device_stays_known(rq, rows[0].email))', '', ['api/known_devices: with another password']],
	['tries on many known devices are told to nobody', 'auth/auth_backoff.c', '{.kind = kind, .whole = 2};', '{.kind = kind, .whole = 1};', ['api/known_devices: together']],
	['a slip for a new password never ends', 'auth/auth_password_http.c', 'clock_now_ms() / 1000 < ends;', '1;', ['api/invitations']],
	['an invitation is taken by any token', 'auth/auth_invitation_http.c', 'if (*way == WAY_SHOWN && !ticket_is(rq, out, WAY_SHOWN))', 'if (false)', ['api/invitations']],
	['a link that was shown shows a mailbox', 'auth/auth_invitation_http.c', 'P_BOOL(c->way == WAY_MAILED)', 'P_BOOL(true)', ['api/mailbox']],
	['an inviter\'s link tells who has an account', 'auth/auth_invitation_http.c', 'if (!is_there && way == WAY_MAILED)', 'if (!is_there)', ['api/invitations: tells alike']],
	['a cursor is any tenant\'s', 'core/req_cursor.c', 'h = hash64(str_make((const char *)&rq->who.tenant_id, sizeof(rq->who.tenant_id)), h);', '', ['api/lists: another tenant']],
	['a cursor is any list\'s', 'core/req_cursor.c', '!str_ends(given, tag) || ', '', ['api/conventions: cursor', 'api/lists: every other list']],
	['a file of personal answers goes out untold', 'export/csv_http.c', 'return will.responses > 0 ?', 'return will.responses > 1000000 ?', ['system/personal_read']],
	['an interview that lies too long goes on', 'fieldwork/keeping.c', 'k->over = clock_now_ms() - left > r->live.abandon_ms;', 'k->over = false;', ['system/abandoned']],
	['a response is opened untold', 'fieldwork/response_http.c', ' || (e = event_personal_read(rq, &rq->ids[0], 1, id))', '', ['system/personal_read']],
	['every provider counts as a second factor', 'auth/auth.c', 'm.second_factor_missing && !factor &&', 'm.second_factor_missing && !claims.by_provider &&', ['api/oidc_factor']],
	['no code is asked for after a provider', 'auth/auth_oidc_member.c', 'f->out->code = row.wanted;', 'f->out->code = false;', ['api/oidc_factor']],
	['a provider gives what its row does not', 'auth/auth_oidc_member.c', '(gives & ~own) == 0 &&', '', ['api/oidc']],
	['an invitation outlives its sender\'s right at a provider', 'auth/auth_oidc_member.c', ' && invitation_given(&o->invited)', '', ['api/oidc']],
	['any slip gives a new password', 'auth/auth_password_http.c', 'secret_eq(str_make((const char *)s.mac, sizeof s.mac),\n\t\t   str_make((const char *)shown->slip.mac, sizeof s.mac)) &&', '', ['api/invitations']],
	['a used slip gives a new password', 'auth/auth_password_http.c', '!stamp_ok(rq, &rows[0], shown.stamp)', 'false', ['api/invitations']],
	['a closed link is open', 'fieldwork/resolve.c', 'if (!str_eq(r->link.status, S("open")) || !str_eq(r->live.status, S("published")))', 'if (false)', ['api/links', 'api/surveys', 'api/responses']],
	['a full link lets in', 'fieldwork/resolve.c', '*full = row.used >= link->max_completes;', '*full = false;', ['api/link_counts']],
	['the last place of a link is given twice', 'fieldwork/intake_words.c', 'bound ? r->link->max_completes : INT64_MAX', 'INT64_MAX', ['api/link_counts']],
	['tests count', 'fieldwork/intake_words.c', 'if (r->link->test)\n\t\treturn OK;', '', ['api/link_counts']],
	['tests fill quotas', 'fieldwork/intake_words.c', ' && !r->link->test;', ';', ['api/link_kinds']],
	['a used code lets in', 'fieldwork/link_code.c', 'return row.over ? ERR_GONE : OK;', 'return OK;', ['api/link_codes']],
	['a single-use link asks for no code', 'fieldwork/public_http.c', 'if (in->code.n == 0)', 'if (false)', ['api/link_codes']],
	['a browser that answered is let in', 'fieldwork/link_device.c', 'return row.over ? ERR_GONE : OK;', 'return OK;', ['api/link_devices']],
	['a password is not asked for', 'fieldwork/link_pass.c', 'if (link->password.n == 0)\n\t\treturn OK;', 'return OK;', ['api/link_passwords']],
	['a pass never ends', 'fieldwork/link_pass.c', ' || ends_s <= clock_now_ms() / 1000', '', ['api/link_passwords: not for ever']],
	['a pass is every link\'s', 'fieldwork/link_pass.c', 'buf_add(&b, uuid_str(a, &link->link_id));', '', ['api/link_passwords: a pass is its link']],
	['a pass outlives its password', 'fieldwork/link_pass.c', 'buf_add(&b, link->password);', '', ['api/link_passwords: a pass is its link']],
	['the API takes the page\'s cookie', 'fieldwork/link_pass.c', 'page ? link_cookie', 'page || req_header(rq, S("X-Link-Pass")).n == 0 ? link_cookie', ['api/link_passwords: without a pass']],
	['any password opens a link', 'fieldwork/link_pass.c', 'return same ? OK :', 'return same || true ? OK :', ['api/link_passwords']],
	['guesses at a link cost no time', 'fieldwork/link_pass.c', 'if ((e = auth_guess_begin(rq, uuid_str(rq->arena, &out->link.link_id), &b)))', 'if ((e = auth_guess_begin(rq, uuid_str(rq->arena, &(struct uuid){.b = {(unsigned char)random_u64(), (unsigned char)random_u64()}}), &b)))', ['api/link_passwords: who guesses']],
	['guesses from many networks of one provider cost no time', 'auth/auth_backoff.c', 'memset(six.s6_addr + 6, 0, sizeof(six) - 6);', ';', ['api/link_passwords: many networks']],
	['guesses at a link from everywhere cost no time', 'auth/auth_backoff.c', 'thing, S(""), BACKOFF_WHOLE_FREE)', 'thing, rq->x->client_net, BACKOFF_WHOLE_FREE)', ['api/link_passwords: many networks']],
	['an interview with a password is gone on with by its token alone', 'fieldwork/interview_http.c', ' || (e = link_pass_check(rq, &t->link.link))', '', ['api/link_passwords: without a pass']],
	['a page is posted without the password', 'fieldwork/page_http.c', '== ERR_UNAUTHENTICATED)\n\t\treturn ask_password(rq, &link);', '== ERR_NOT_FOUND)\n\t\treturn ask_password(rq, &link);\n\tif (e == ERR_UNAUTHENTICATED)\n\t\te = OK;', ['api/link_passwords']],
	['a panelist who answered is let in', 'fieldwork/link_panel.c', 'return row.over ? ERR_GONE : OK;', 'return OK;', ['api/link_panels: each panelist once']],
	['a page joins another\'s interview by a panelist\'s id', 'fieldwork/intake_write.c', 'return r->link->panel.n == 0 || uuid_eq(&r->keep.id, &found->id);', 'return true;', ['api/link_panels: another page']],
	['a panelist\'s beginning is known by its body', 'fieldwork/interview_reply.c', 'if (link->panel.n == 0)\n\t\treturn;', 'return;', ['api/link_panels: opens nothing']],
	['a panelist\'s beginning needs no key', 'fieldwork/interview_reply.c', 'if (!known)', 'if (false)', ['api/link_panels: opens nothing']],
	['a page with a panelist\'s id is his', 'fieldwork/sitting_finish.c', 'r->replayed && !uuid_eq(&r->id, &s->state.id)', 'false', ['api/link_panels: another page']],
	['a panel link asks for nothing', 'fieldwork/link_panel.c', 'if (rq->error_count > before)\n\t\treturn ERR_INVALID;', '', ['api/link_panels: what is missing']],
	['a panel that answers nothing has all the threads', 'core/job_outside.c', 'have = o->n < o->most;', 'have = true;', ['api/link_panels: hold up']],
	['a panel that answers nothing is waited for', 'fieldwork/link_postback.c', '.timeout_ms = TIMEOUT_MS', '.timeout_ms = 0', ['api/link_panels: hold up']],
	['a parameter names the host', 'fieldwork/link_panel_http.c', "host.p[i] != '_' && host.p[i] != '.')", "host.p[i] != '_' && host.p[i] != '.' && host.p[i] != '{' && host.p[i] != '}')", ['api/link_panels: may be made of']],
	['a panelist leads up the path', 'fieldwork/link_panel.c', ' || !path_kept(*url)', '', ['api/link_panels: leads nowhere else']],
	['a parameter behind what is signed', 'fieldwork/link_panel_http.c', "!str_find_char(fragment, '{', NULL) && ", '', ['api/link_panels: may be made of']],
	['a way back says how the changed answers would have ended', 'fieldwork/sitting_finish.c', 'if (!e && before)', 'if (false)', ['api/link_panels: sent again']],
	['a way on is signed from what is sent after the end', 'fieldwork/sitting_finish.c', 's->in.answers = answers;', '', ['api/link_panels: signed from what was stored']],
	['a way on is signed with the parameters of another tab', 'fieldwork/sitting_finish.c', 's->in.parameters = parameters;', '', ['api/link_panels: signed from what was stored']],
	['work is not looked at', 'fieldwork/link_proof.c', 'if (sum[i / 8] >> (7 - i % 8) & 1)', 'if (false)', ['api/link_proofs']],
	['work is used twice', 'fieldwork/link_proof.c', 'return mine || *lacks ? OK :', 'return true ? OK :', ['api/link_proofs: by the API']],
	['a link that requires work lets pass what has none', 'fieldwork/link_proof.c', '*lacks = why && link->proof_flags;', '*lacks = why;', ['api/link_proofs: by the API']],
	['devices need no work', 'fieldwork/sync_item.c', 'link->proof_bits > 0 && !link->proof_flags', 'false', ['api/flags_ways_in: proof_mode flag for devices']],
	['who comes without work is not marked', 'fieldwork/link_proof.c', 'link->proof_flags && !proved ?', 'false ?', ['api/flags_ways_in: proof_mode flag on the page']],
	['the field that nobody sees is not looked at', 'fieldwork/page_http.c', 's.state.trapped |= form_value', 's.state.trapped |= false && form_value', ['api/flags_ways_in: a field']],
	['tests have prints', 'fieldwork/marks.c', 'r->keep.open || r->link->test ||', 'r->keep.open ||', ['api/flags_duplicates: tests']],
	['prints mean the same in every survey', 'fieldwork/marks.c', 'buf_add(&b, uuid_str(x->a, x->survey));', ';', ['api/flags_duplicates: a text']],
	['devices are told apart unasked', 'fieldwork/link_device.c', 'r->live.device_answers == 0 || r->link.test', 'false', ['api/flags_duplicates: devices are not told apart']],
	['work is anybody\'s who sends another key', 'fieldwork/link_proof.c', 'sha256_add(&h, key.p, key.n);', ';', ['api/link_proofs: work is spent']],
	['work is done on any text', 'fieldwork/link_proof.c', 'if (e)\n\t\treturn e == ERR_INVALID ? OK : e;', 'if (e && e != ERR_INVALID)\n\t\treturn e;', ['api/link_proofs: a challenge is its link']],
	['the page goes on without the work', 'fieldwork/page_http.c', 's.unproved = !s.state.proved && !link->link.proof_flags;', 's.unproved = false;', ['api/link_proofs: the page']],
	['a link has no end', 'fieldwork/resolve.c', 'if (r->link.closes_ms && now_ms >= r->link.closes_ms)', 'if (false)', ['api/links', 'api/responses']],
	['a link has no beginning', 'fieldwork/resolve.c', 'if (r->link.opens_ms && now_ms < r->link.opens_ms)', 'if (false)', ['api/links', 'api/responses']],
	['a device says what came of an interview', 'fieldwork/sync_journal.c', 'if (!e && !session_over(j->s))', 'if (false)', ['api/sync: what is wrong']],
	['a closed link takes what devices bring', 'fieldwork/sync_item.c', 'if ((e = resolve_gate(&x->rq, &x->sync->link)))', 'if (false)', ['api/sync: gates']],
	['a link\'s password is not asked for of devices', 'fieldwork/sync_http.c', ' || (e = link_pass_check(rq, &s->link.link))', '', ['api/sync: gates']],
	['a receipt for what is somebody else\'s', 'fieldwork/sync_item.c', 'if (uuid_eq(&r->id, &x->id))', 'if (true)', ['api/sync: used on a page']],
	['a receipt for what nobody compared', 'fieldwork/sync_item.c', 'return r->unhashed ?', 'return false ?', ['api/sync: erased in part']],
	['a page of a code that was revoked stores', 'fieldwork/page_http.c', 'if (link->link.single_use && !s.state.saved &&', 'if (false &&', ['api/link_codes: before it was revoked']],
	['a revoked code says the token of what was begun', 'fieldwork/public_http.c', 'use.revoked && x->begins ? (struct str){0} : use.key', 'use.key', ['api/link_codes: before it was revoked']],
	['a code is revoked whose interview ended', 'fieldwork/link_code_http.c', 'if (now.over && !now.revoked)', 'if (false)', ['api/link_codes: that is revoked']],
	['codes are added though there is no room', 'fieldwork/link_code.c', 'return added < (int64_t)n ? ERR_LIMIT : OK;', 'return OK;', ['api/link_codes: as many codes']],
	['a browser goes on with another panelist\'s interview', 'fieldwork/sitting.c', 'if (!str_eq(k.key, key))', 'if (false)', ['api/link_panels: same browser']],
	['an export has everybody\'s codes', 'privacy/privacy_code.c', '	if (!names(p, parameters))', '	if (false)', ['system/privacy_codes']],
	['a batch is one request', 'fieldwork/sync_http.c', 'if (!has_rate(s))', 'if (false)', ['api/sync: rates']],
	['any token opens an interview', 'fieldwork/keeping.c', 'return vault_token_check(\n\t    rq->app->vault, token_context, text, str_sub(token, TOKEN_ID_CHARS, token.n), rq->arena);', 'return OK;', ['api/interviews: only its token']],
	['a token opens every interview of its link', 'fieldwork/interview_http.c', ' || (!e && !uuid_eq(&id, &rq->ids[1]))', '', ['api/interviews: only its token']],
	['a key opens what was saved since', 'fieldwork/interview_reply.c', 'return started ? OK', 'return true ? OK', ['api/interviews: a beginning is sent once']],
	['a key opens an interview by another link', 'fieldwork/interview_reply.c', 'if (!uuid_eq(&r->link_id, &link->link_id))', 'if (false)', ['api/interviews: a beginning is sent once']],
	['used codes are told to all who see links', 'fieldwork/link_code_http.c', 'return req_can(rq, PERM_RESPONSES_PERSONAL) && req_can(rq, PERM_RESPONSES_WRITE);', 'return rq != NULL;', ['api/link_codes: the code of an interview']],
	['an interview goes on behind its end', 'fieldwork/interview_http.c', 'if (t->kept.over)\n\t\treturn req_fail', 'if (false)\n\t\treturn req_fail', ['api/interviews']],
	['a page is saved on another one than it was read from', 'fieldwork/interview_http.c', 'r->keep.version = t->kept.version;', '', ['api/interviews: two devices']],
	['an answer that was saved page by page fits any payload', 'fieldwork/intake.c', 'return stored->paged ? ERR_KEY_MISMATCH : OK;', 'return OK;', ['api/link_panels: was left on the page', 'api/link_codes: was left on the page']],
	['a key of an answer fits any payload', 'fieldwork/intake.c', 'return secret_eq(stored->payload_hash, sent) ? OK : ERR_KEY_MISMATCH;', 'return OK;', ['api/responses']],
	['everybody who reads answers reads personal ones', 'fieldwork/response_http.c', 'req_can(rq, PERM_RESPONSES_PERSONAL) && ', '', ['api/isolation: personal answers']],
	['every file may hold personal answers', 'export/csv_http.c', 'if (c.query->personal && !req_can(rq, PERM_RESPONSES_PERSONAL))', 'if (false)', ['api/isolation: personal answers']],
	['who began a job may begin it anew for ever', 'main/job_http.c', 'return req_can(rq, needs) ? OK : ERR_FORBIDDEN;', 'return OK;', ['api/job_retry']],
	['known devices have tries without end', 'auth/auth_backoff.c', 'return key_add(rq, b, "devices", account, S(""), kinds[kind].shared_free);', 'return OK;', ['api/backoff']],
	['jobs are everybody\'s', 'main/job_http.c', 'return req_can(rq, p) ? JOB_ALL : JOB_OWN;', 'return JOB_ALL;', ['system/jobs']],
	['a file read by a key is told as its owner\'s doing', 'core/router.c', 'if (rq->who.credential)', 'if (false)', ['api/events']],
	['two lengths, one request', 'io/http_guard.c', 'if (lengths + codings > 1)', 'if (false)', ['api/malformed']],
	['two credentials, one request', 'io/http_guard.c', 'if (count_of(x, once[i]) > 1)', 'if (false)', ['api/malformed']],
	['a formula is a cell', 'core/csv.c', "case '=':", "case '\\1':", ['api/csv']],
	['idempotency keys of one\'s colleagues', 'core/idempotency.c', 'P_UUID(&rq->who.user_id), P_TEXT(rq->idempotency_key)};\n\tstatic const struct pg_col cols[] = {COL(struct first_reply',
		'P_UUID(&(struct uuid){0}), P_TEXT(rq->idempotency_key)};\n\tstatic const struct pg_col cols[] = {COL(struct first_reply', ['api/matrix: idempotency']],
	['whom a request named is guessed from its hash', 'core/idempotency.c', 'if (rq->route->flags & ROUTE_PERSONAL_BODY)', 'if (false)', ['system/privacy_exports: the same key']],
	['guessing by an invitation is told to nobody', 'auth/auth_invitation_http.c', 'return c.guess.wrong ? warn_refused', 'return false ? warn_refused', ['api/sign_ins: by an invitation']],
	['guessing at confirming is told to nobody', 'auth/auth_oidc_http.c', 'warn_refused(rq, &b, email, "This is not', 'req_fail(rq, e, NULL, "This is not', ['api/oidc_hostile: a person of another tenant']],
	['who is told half of stays in', 'auth/auth_told.c', 'if (!e && !left)', 'if (!e)', ['api/sign_ins: switching where']],
	['a second step outlasts a new password', 'auth/auth_login_http.c', 'row.password_hash = rows[0].password_hash;', '', ['api/second_factor: a password that is changed']],
	['a session that could not be told stays', 'auth/auth_told.c', 'login_session_end(rq->app->auth, s);', ';', ['api/sign_ins: no session']],
	['analysts see personal answers', 'core/permissions.def', 'PERM(RESPONSES_PERSONAL, "responses:read_pii", MANAGER,', 'PERM(RESPONSES_PERSONAL, "responses:read_pii", VIEWER,', ['api/isolation: personal answers', 'api/members']],
];

async function prepare() {
	for (const [name, file, from] of GATES)
		assert.equal(readFileSync(resolve('src', file), 'utf8').split(from).length - 1, 1, `${name}: ${file} has no (single) "${from}": mend the line in tests/long/mutants/gates.mjs`);
	const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'));
	compile = new Map(commands.map((c) => [resolve(c.directory, c.file), c.command]));
	for (const program of ['collect', 'test_worker']) {
		link[program] = (await command(['ninja', '-C', build, '-t', 'commands', `src/main/${program}`])).stdout.trim().split('\n').at(-1);
		assert.match(link[program], new RegExp(` -o src/main/${program} `));
	}
}

const shell = (line) => command(['sh', '-c', line], { cwd: build, timeout: 300000 });

async function linked(program, object, file, to) {
	const inMain = new RegExp(`src/main/(collect|${program})\\.p/${basename(file)}\\.o`);
	const done = await shell(link[program].replace(` -o src/main/${program} `, ` -o ${to} `).replace(inMain, '').replace(' -Wl,--start-group', ` ${object} -Wl,--start-group`));
	assert.equal(done.code, 0, done.stderr.slice(0, 1000));
}

/** The program with the file changed, in a folder of its own; beside it, where it is asked for, the tests' worker. */
async function changed(file, from, to, worker) {
	const source = resolve('src', file), text = readFileSync(source, 'utf8');
	const base = join(run.dir, 'tmp', `gate-${process.pid}-${++made}`), table = file.endsWith('.def');
	// a table is included by name: its copy stands where that is looked for first, and the one file that makes code of it is compiled
	const unit = table ? resolve('src/core/router.c') : source, copy = table ? join(base, file) : `${base}-${basename(file)}`, object = `${base}.o`;
	await command(['mkdir', '-p', resolve(copy, '..')]);
	writeFileSync(copy, text.replace(from, () => to));
	const line = compile.get(unit);
	assert.ok(line, `${unit} is not compiled by the build`);
	const compiled = await shell(line.replace(/ -M[QFD]+ \S+/g, '').replace(' -MD', '').replace(/ -o \S+ -c \S+/, ` -Wno-error -iquote ${resolve(source, '..')} -o ${object} -c ${table ? unit : copy}`)
		.replace(/ -I/, ` -I${base} -I`));
	assert.equal(compiled.code, 0, compiled.stderr);
	const folder = `${base}-programs`;
	await command(['mkdir', '-p', folder]);
	await linked('collect', object, file, join(folder, 'collect'));
	if (worker)
		await linked('test_worker', object, file, join(folder, 'test_worker'));
	return folder;
}

async function caught(file, from, to, parts) {
	const folder = await changed(file, from, to, parts.some((part) => part.startsWith('system/')));
	try {
		return await apiCatches(parts, { COTEST_BIN: join(folder, 'collect') });
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** A check that moved on would leave the program as it is, and be told as not noticed an hour later. */
function standing() {
	const gone = GATES.filter(([, file, from]) => readFileSync(resolve('src', file), 'utf8').split(from).length !== 2);
	assert.deepEqual(gone.map(([name, file, from]) => `${file}: ${name}: ${from}`), [], 'what stands there once');
}

/** [{kind, name, run()}] */
export async function mutants() {
	standing();
	await prepare();
	return GATES.map(([name, file, from, to, parts]) => ({ kind: 'check taken out', name: `${file}: ${name}`, run: () => caught(file, from, to, parts) }));
}
