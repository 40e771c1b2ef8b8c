/* confine.h - a process gives up what it does not need, for good: the user, core files, programs, files, listening, most system calls.
 *
 *     struct confine_status s;
 *     confine_user("collect", &why);                  as root only; before anything that the user shall own is made
 *     confine(&(struct confine_config){...}, &s);     before any thread is started
 *
 * To be called with one thread: what is given up counts for the calling thread and those it starts. What the kernel does not have is
 * left out and said in the status; it is no reason not to start. Nothing here can be undone.
 *
 * Files (Landlock): the files and folders named may be read, folders under `write` written and made in; no file may be run. TCP
 * ports other than those named are not listened on (from ABI 4 on). Signals go to no other process, abstract unix sockets neither
 * (ABI 6). Descriptors that are open already stay as they are; unix sockets with a path are reached through those.
 *
 * System calls (seccomp): those of a list; the others answer ENOSYS, as if the kernel were older. No process is started, nothing is run, no
 * other process is looked at: who tries that all the same is somebody else's code, so the process ends by SIGSYS. Sockets are unix, IPv4, IPv6,
 * and netlink's routes, which the resolver asks for.
 *
 * No dependency but the C library and libseccomp: the program of the tests is built without sanitizers. */
#ifndef IO_CONFINE_H
#define IO_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#define CONFINE_WHY_BYTES 160

struct confine_config {
	const char *const *read;     /* files and folders, ended by NULL; what is not there is left out */
	const char *const *write;    /* folders, ended by NULL */
	const unsigned short *ports; /* that may be listened on; 0: any free one that the kernel picks */
	size_t port_count;
};

struct confine_status {
	bool no_new_privileges, no_core;
	int landlock_abi;            /* in force; 0: none */
	bool seccomp;
	char landlock_why[CONFINE_WHY_BYTES], seccomp_why[CONFINE_WHY_BYTES];   /* why not */
};

/* Becomes that user and his group, with no others, keeping nothing of root. False, with *why (static), when it is not there or not
 * possible. */
bool confine_user(const char *name, const char **why);
/* Of somebody's password file: his ids, to give him a folder before. False: there is none. */
bool confine_user_ids(const char *name, unsigned *uid, unsigned *gid);
void confine(const struct confine_config *c, struct confine_status *out);
/* What this kernel offers: Landlock's ABI (0: none), and whether it filters system calls. Changes nothing. */
int confine_landlock_abi(void);
bool confine_seccomp_available(void);

#endif
