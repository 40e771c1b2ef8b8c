/* limits.h - every buffer, loop, queue and depth has its maximum here, with the reason where it is not plain. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define KB 1024u
#define MB (1024u * 1024u)

/* memory */
#define ARENA_BLOCK_BYTES (16 * KB)
#define ARENA_KEEP_BYTES (64 * KB)
#define REQUEST_ARENA_MAX_BYTES (32 * MB)

/* JSON */
#define JSON_DEPTH_MAX 32
/* Of one object; answers to the largest survey have most. */
#define JSON_KEYS_MAX (2 * SURVEY_QUESTIONS_MAX + SURVEY_CALCULATED_MAX)
#define JSON_VALUES_MAX 200000
#define JSON_NUMBER_MAX_CHARS 64

/* HTTP (DESIGN: invariant 9) */
#define HTTP_LINE_MAX_BYTES (8 * KB)
#define HTTP_HEADER_MAX_BYTES (8 * KB)
#define HTTP_HEADERS_MAX_BYTES (32 * KB)
#define HTTP_HEADERS_MAX 64
#define HTTP_BODY_RESPONDENT_MAX_BYTES (256 * KB)
/* A page's form: its sealed state, a third longer than PAGE_STATE_MAX_BYTES, and what was filled in. */
#define HTTP_BODY_PAGE_MAX_BYTES (512 * KB)
#define PAGE_STATE_MAX_BYTES (256 * KB)
#define HTTP_BODY_API_MAX_BYTES (2 * MB)
#define HTTP_HEADER_TIMEOUT_MS 10000
#define HTTP_IDLE_TIMEOUT_MS 60000
#define HTTP_REQUEST_TIMEOUT_MS 60000 /* body and handler together */
#define HTTP_CONNECTIONS_MAX 12000
#define HTTP_CONNECTIONS_PER_ADDRESS 64
#define HTTP_IDLE_WHOLE_MAX                                                                                            \
	256 /* idle connections of a thread that keep the memory of a whole head, 48 kB each; of others it goes back */
#define HTTP_QUEUE_MAX 1024	    /* requests waiting for a worker; more get 503 */
#define HTTP_QUEUE_WAIT_MAX_MS 2000 /* who waits longer gets 503 */
#define HTTP_WORKERS_DEFAULT 20
#define SLOW_QUEUE_MAX 256		    /* requests waiting to hash a password; more get 503 ... */
#define SLOW_WAIT_MAX_MS 10000		    /* ... and so does who waits longer */
#define PASSWORD_HASHES_MAX 4		    /* at once; each takes 19 MiB and a core */
#define HTTP_STREAM_BUFFER_BYTES (256 * KB) /* per streamed reply, between worker and socket */
#define HTTP_STREAMS_SHARE 4		    /* at most one worker in so many streams (but one may): the others answer */
/* A reader's patience account: it loses the time that the writer waits, and gains HTTP_STREAM_EARNED_MS for every HTTP_STREAM_EARNING_BYTES
 * that its side acknowledges; when it is empty, the stream is cut off. A worker is held by no one who takes less than 3.2 kB/s. */
#define HTTP_STREAM_PATIENCE_MS 10000	  /* to begin with */
#define HTTP_STREAM_PATIENCE_MAX_MS 30000 /* however fast the reader was: it may pause for so long */
#define HTTP_STREAM_EARNING_BYTES (32 * KB)
#define HTTP_STREAM_EARNED_MS 10000
#define HTTP_COMPRESS_MIN_BYTES 1024

/* API */
#define PAGE_SIZE_DEFAULT 50
#define PROJECT_ROLES_MAX 500 /* of one member: his lists bind them all */
#define PAGE_SIZE_MAX 200
#define ROUTE_ARGS_MAX 4
#define PROBLEM_ERRORS_MAX 100
#define IDEMPOTENCY_KEY_MAX_BYTES 255

/* fieldwork */
#define LANGUAGE_RANGES_MAX 20 /* parts of an Accept-Language header that are looked at */
#define FORM_FIELDS_MAX 5000   /* fields of one posted page */
#define INTERVIEW_LEFT_MS                                                                                              \
	(7 * 86400000LL) /* nobody went on with it for so long: it is over, where its survey says nothing else */
#define INTERVIEW_LEFT_HOURS_MAX 2160
#define PAGE_STATE_MAX_AGE_MS (INTERVIEW_LEFT_HOURS_MAX * 3600000LL) /* whatever a survey says */
#define PAGE_MAX_BYTES (4 * MB)
#define LINK_CODES_MAX 1000000	       /* of a single-use link */
#define LINK_CODES_AT_ONCE 1000	       /* by the request itself; more are made by a job, so many a step */
#define LINK_CODES_CSV_MAX 10000       /* lines of one file */
#define LINK_PASS_LIFE_S 86400	       /* for so long a link's password is not asked for again */
#define PAGE_AGAIN_MAX_BYTES (64 * KB) /* a form that has to wait is kept on the page that says so, up to this size */
#define PAGE_PARAMETERS_MAX 50
#define SAME_ANSWERS_MAX 1000	/* that a survey may let one device or panelist give unmarked */
#define PRINT_CHARS_MIN 20	/* that a survey may ask for at least */
#define PRINT_CHARS 80		/* from which on texts are compared where a survey says nothing else; quality.sql too */
#define PRINT_CHARS_MAX 10000	/* that a survey may ask for before a text counts as the same */
#define PRINT_TEXTS_MAX 16	/* of one answer; what is written after those is not compared */
#define DEVICE_ID_MAX_CHARS 200 /* that a program calls a device */
#define PARAMETER_TEXT_MAX 1000 /* characters of one parameter that a program sends along */
#define PARADATA_MAX_BYTES (8 * KB)	 /* that a client sends along, as JSON */
#define RESPONSE_TEXT_MAX_BYTES (1 * MB) /* normalised answers of one interview, as JSON */
/* Title, description and text of a consent in one language, without what is piped in: outside of rosters, in the records of one, and all that a
 * survey has. */
#define CONSENT_MAX_BYTES (16 * KB)
#define CONSENT_RECORD_MAX_BYTES (1 * KB)
#define CONSENTS_MAX_BYTES (64 * KB)
#define SLUG_MAX_BYTES 64
#define SYNC_INTERVIEWS_MAX 500 /* of one batch of interviews held offline */
#define SYNC_SLICE 32		/* of them at once with the writers */
#define SYNC_EVENTS_MAX 5000	/* of one of them */
#define SYNC_STEPS_MAX                                                                                                 \
	50000000 /* to take the events of a batch once more: some seconds; the rest is to be sent again */
#define SYNC_ARENA_MAX_BYTES (16 * MB) /* of one interview */
#define SYNC_CLOCK_EXACT_MS 2000       /* by so much a device's clock may differ and still be right */

/* database */
#define PG_PARAMS_MAX 64  /* of one statement */
#define PG_COLUMNS_MAX 64 /* that one query takes out of a result */
#define PG_CONNECT_TIMEOUT_MS 1500
/* While the server is away: one caller tries this often, everyone else is told at once. */
#define PG_RECONNECT_PAUSE_MS 200
#define PG_SILENCE_MS 1000	/* no byte from the server for so long while replies are due: it is asked ... */
#define PG_ASK_TIMEOUT_MS 1000	/* ... and must answer within this, or it hangs */
#define PG_SILENCE_STEP_MS 200	/* how soon everyone who waits hears of it */
#define PG_IDLE_CHECK_MS 30000	/* idle for longer: asked whether it still lives; spare ones are closed */
#define PG_REPLY_MARGIN_MS 2000 /* past statement_timeout: the server is dead or cut off */
#define PG_ROLLBACK_TIMEOUT_MS 2000
#define PG_SCAN_TIMEOUT_MS 3600000   /* tx_each: a whole scan may take this long ... */
#define PG_SCAN_ROW_TIMEOUT_MS 30000 /* ... but each row must come within this */
#define PG_IN_TRANSACTION_IDLE_MS 30000
#define PG_SCRATCH_MAX_BYTES (64 * MB) /* text of the parameters of one statement */
#define PG_RESULT_ROWS_MAX 1000000     /* tx_rows; larger sets go through tx_each */
#define TX_ATTEMPTS_MAX 3
#define INTAKE_KEY_WAIT_MS 5000	  /* a page sent twice waits for the first */
#define BATCH_WRITERS 2		  /* of a batch, each with a connection */
#define BATCH_ITEMS_MAX 128	  /* of one transaction ... */
#define BATCH_BYTES_MAX (16 * MB) /* ... and what they send */
#define BATCH_QUEUE_MAX 4096	  /* that wait; more get 503 */
#define BATCH_ARENA_MAX_BYTES (64 * MB)
#define TX_ORIGIN_MAX_BYTES 256 /* who is at work, as the audit trigger reads it */

/* Redis */
#define REDIS_RETRY_MS 100    /* while it does not answer: one caller tries this often, the others are told at once */
#define REDIS_ARGS_MAX 16     /* keys and arguments of a script, together */
#define REDIS_SILENCE_MS 1000 /* the subscriber asks after that long; after as long again the connection is lost */
#define REDIS_REJOIN_MS 200   /* the subscriber's pause before it connects again */

/* cache, rates */
#define CACHE_KEY_MAX_BYTES 200 /* a longer key is refused */
#define CACHE_KIND_MAX_BYTES 32
#define CACHE_ENTRY_MAX_BYTES (16 * MB) /* what one object may take, its bytes included */
#define CACHE_UNTOLD_MAX 1024		/* drops kept for a Redis that does not answer */
#define FLIGHTS_MAX 256			/* different things that are fetched at the same time, each once */
#define FLIGHT_WAIT_MS 1000		/* nobody waits longer for what somebody else fetches */
#define RATE_ADDRESS_MAX_BYTES 50	/* of a client's network as text; none is longer */
#define RATE_SLOTS 8192 /* per process, for all keys; keys that collide share a bound, which errs on the strict side */

/* jobs */
#define JOB_NAME_MAX_BYTES 63
#define JOB_REF_MAX_BYTES 200
#define JOB_PAYLOAD_MAX_BYTES (64 * KB) /* what is larger belongs into a table of its own */
#define JOB_MESSAGE_MAX_BYTES 300	/* of an error, for the job's readers */
#define JOB_ARENA_MAX_BYTES (64 * MB)	/* of one run */
#define JOB_THREADS_MAX 64		/* of one worker */
#define JOB_LEASE_MIN_S 5		/* the heartbeat needs some room in it */
#define JOB_BACKOFF_MAX_S 3600
#define JOB_BEAT_MS 1000 /* so soon a run hears that it was cancelled */
#define JOB_PROGRESS_MS 300
#define JOB_POLL_MS 5000       /* while Redis wakes; without it ... */
#define JOB_POLL_BLIND_MS 1000 /* ... a new job waits so long at most */
#define JOB_STOP_MS 2000       /* between being told to end and being left behind */

/* what goes out */
#define EGRESS_URL_MAX_BYTES 2048
#define EGRESS_HOST_MAX_BYTES 253
#define EGRESS_ALLOW_MAX 64 /* entries of the setting egress_allow */
#define EGRESS_PORTS_MAX 32
#define EGRESS_ADDRESSES_MAX 16 /* of one name; a name with more is refused */
#define EGRESS_TIMEOUT_MS 30000 /* name, connection and answer together */
#define EGRESS_CONNECT_TIMEOUT_MS 5000
#define EGRESS_NAME_TIMEOUT_MS 5000
#define EGRESS_REPLY_MAX_BYTES (64 * KB)	 /* more is cut off */
#define EGRESS_REPLY_HEADERS_MAX_BYTES (16 * KB) /* trailers and 1xx included; more ends the call */
#define EGRESS_BODY_MAX_BYTES (1 * MB)		 /* sent */
#define EGRESS_HEADERS_MAX 16			 /* sent by a caller */
#define EGRESS_HEADER_MAX_BYTES (8 * KB)

/* pictures */
#define QR_TEXT_MAX_BYTES 2048 /* the largest holds 2,331 with correction level M */
#define QR_SVG_MAX_BYTES (256 * KB)

/* mail */
#define MAIL_VALUE_MAX_CHARS 200 /* of a name and the like */
#define MAIL_VALUES_MAX 8
#define MAIL_MESSAGE_MAX_BYTES (64 * KB)
#define MAIL_PATH_MAX_BYTES 1000
#define MAIL_CONNECT_TIMEOUT_MS 10000
#define MAIL_TIMEOUT_MS 60000

/* privacy */
#define PERSON_CODES_MAX                                                                                               \
	1000 /* codes of links that name one person: all that an export takes, and as many as an erasure takes at once */
#define PRIVACY_EXPORT_DAYS 7 /* so long a person's file can be fetched */

/* export */
#define EXPORT_VERSIONS_MAX 200 /* published versions whose columns an export joins */
#define EXPORT_COLUMNS_MAX 20000
#define EXPORT_CHUNK_BYTES (64 * KB)

/* engine */
#define EXPRESSION_SOURCE_MAX_BYTES (16 * KB)
#define EXPRESSION_DEPTH_MAX 64
#define EXPRESSION_LINKS_MAX 2000 /* binary operators; a tree of them is walked by recursion */
#define VM_NESTED_MAX 8		  /* expressions at once: one may show a label that has others piped in */
#define VM_STEPS_MAX 100000
#define ENGINE_ARENA_MAX_BYTES (16 * MB)
#define COMPILE_ARENA_MAX_BYTES (128 * MB) /* of one definition sent to a server; what needs more is refused */
#define DIAGNOSTICS_MAX 500
#define PATTERN_SOURCE_MAX_BYTES 1024
#define PATTERN_STATES_MAX 2000		 /* after {m,n} is written out; with code points the bound of a search's time */
#define PATTERN_ARENA_MAX_BYTES (4 * MB) /* of one while it is looked at and then forgotten */
#define PATTERN_DEPTH_MAX 32		 /* groups in groups */
#define PAGE_INLINE_STEPS_MAX 20000	 /* of a first page on an I/O thread: about a millisecond */
#define PAGE_STEPS_MAX 10000000		 /* of all runs that one posted page needs */
#define RUN_STEPS_MAX 5000000		 /* of all expressions of one interview_run: about a quarter of a second */
#define EVENTS_VALUES_MAX 2000000	 /* JSON values of one interview in an events file */
#define EVENTS_LINE_MAX_BYTES (256 * MB) /* read */
#define SESSION_LITTER_BYTES (64 * KB)	 /* what a session may leave lying beside as much as is in use */
#define DEPENDENCY_STEPS_MAX 4000000	 /* of one program, once; with more a session works everything out again */
#define VALUE_TEXT_MAX_BYTES (64 * KB)	 /* a text that an expression makes, and one that is piped in */
#define PROGRAM_MAX_BYTES (16 * MB)
#define SURVEY_LANGUAGES_MAX 64
#define SURVEY_QUESTIONS_MAX 10000
#define DEFINITION_VALUES_MAX 2000000 /* JSON values of a definition in a text */
#define SURVEY_PAGES_MAX 5000
#define SURVEY_CALCULATED_MAX 5000
#define SURVEY_RULES_MAX 5000
#define SURVEY_PARAMETERS_MAX 500
#define SURVEY_OUTCOMES_MAX 500
#define SURVEY_LISTS_MAX 2000
#define SURVEY_STEPS_MAX 500000	  /* a calculated value is worked out again on each page where it may change */
#define SURVEY_PATTERNS_MAX 1000  /* different ones; each may become PATTERN_STATES_MAX states */
#define QUESTION_CHOICES_MAX 1000 /* with those carried forward; rows, columns and items too */
#define CARRIED_QUESTIONS_MAX 64  /* each carries choices on from the one before; with the first */
#define QUOTAS_MAX 50
#define QUOTA_LEASE_DEFAULT_S 1800 /* lease_seconds where a quota does not say */
#define QUOTA_LEASE_MAX_S 86400
#define QUOTA_CELLS_MAX 500		/* of one quota; each is compared with every other */
#define ROSTER_RECORDS_MAX 50		/* of one roster; as many sets of columns in exports */
#define MEDIA_FILES_MAX 100		/* references to files in one answer */
#define MEDIA_TEXT_MAX_BYTES 1024	/* id, name or type of one */
#define ANSWER_TEXT_MAX_BYTES (64 * KB) /* where a question has no max_length */
#define ANSWER_BARCODE_MAX 4296		/* signs: as many as the largest QR code has letters */
#define ANSWER_ERRORS_MAX 200

#endif
