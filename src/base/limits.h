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
#define JSON_KEYS_MAX 1000
#define JSON_VALUES_MAX 200000
#define JSON_NUMBER_MAX_CHARS 64

/* HTTP (DESIGN: invariant 9) */
#define HTTP_LINE_MAX_BYTES (8 * KB)
#define HTTP_HEADER_MAX_BYTES (8 * KB)
#define HTTP_HEADERS_MAX_BYTES (32 * KB)
#define HTTP_HEADERS_MAX 64
#define HTTP_BODY_RESPONDENT_MAX_BYTES (256 * KB)
#define HTTP_BODY_API_MAX_BYTES (2 * MB)
#define HTTP_HEADER_TIMEOUT_MS 10000
#define HTTP_IDLE_TIMEOUT_MS 60000
#define HTTP_REQUEST_TIMEOUT_MS 60000       /* body and handler together */
#define HTTP_CONNECTIONS_MAX 12000
#define HTTP_CONNECTIONS_PER_ADDRESS 64
#define HTTP_QUEUE_MAX 1024                 /* requests waiting for a worker; more get 503 */
#define HTTP_WORKERS_DEFAULT 20
#define HTTP_STREAM_BUFFER_BYTES (256 * KB) /* per streamed reply, between worker and socket */
#define HTTP_COMPRESS_MIN_BYTES 1024

/* API */
#define PAGE_SIZE_DEFAULT 50
#define PAGE_SIZE_MAX 200
#define ROUTE_ARGS_MAX 4
#define PROBLEM_ERRORS_MAX 100
#define IDEMPOTENCY_KEY_MAX_BYTES 255

/* engine */
#define EXPRESSION_SOURCE_MAX_BYTES (16 * KB)
#define EXPRESSION_DEPTH_MAX 64
#define VM_STEPS_MAX 100000
#define ENGINE_ARENA_MAX_BYTES (16 * MB)
#define DIAGNOSTICS_MAX 500

#endif
