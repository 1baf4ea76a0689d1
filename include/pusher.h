/*
 * pusher.h - publish events to the browsers that are subscribed at pushd.
 *
 *     #include <pusher.h>
 *
 *     int browsers = push_publish("kittensCategory", "{\"title\":\"Hello\"}");
 *     if (browsers < 0)
 *         fprintf(stderr, "%s: %s\n", push_strerror(browsers), push_last_error());
 *
 * Compile and link with: $(pkg-config --cflags --libs pusher)
 *
 * CONVENTIONS, for every function here
 *
 * Results    0 or more is success, below 0 is one of the PUSH_E codes. A code's number never
 *            changes and is never used again; later versions may return new ones. The text of
 *            push_last_error() is for people, do not parse it.
 * NULL       An argument that is NULL where none may be is the error PUSH_EINVAL, never a crash.
 *            Otherwise a string is UTF-8 and ends with a NUL byte.
 * Output     What a pointer argument points to is written on success only.
 * Ownership  What you pass in stays yours, and is not used any more when the function has
 *            returned. What is returned stays the library's: do not free or change it.
 * Time       A publish takes at most the timeout, everything together: waiting for other threads,
 *            connecting, sending, the receipt. (But a host name other than localhost is looked up
 *            by the system, in its own time: use IP addresses, or a unix socket.)
 * Threads    Every function may be called from every thread at any time (but push_client_free(),
 *            which must be the last on its client). Publishes over one connection go one after the
 *            other: push_publish() has one for the whole process, each push_client has its own.
 *            pthread_cancel() never ends a call: with deferred cancellation, which is the default, it
 *            takes effect at the thread's next cancellation point after the call. Do not call
 *            anything here with asynchronous cancellation.
 * Fork       A child may publish, without exec() and whatever its parent's threads were doing: it
 *            never uses the parent's connection, it opens its own. That holds for fork(), and for
 *            clone() with a copy of the memory, also into a new PID namespace.
 * Signals    Not to be called from signal handlers. The library installs none, raises no SIGPIPE,
 *            and goes on when a signal interrupts it. Do not leave a call by siglongjmp(): its
 *            connection and memory are lost, its event may or may not be published, and the thread
 *            can't be canceled any more. The same thread's next publish opens a new connection;
 *            other threads' publishes over that connection time out until then.
 * Quiet      It prints nothing (but for an error of its own, PUSH_EINTERNAL), changes no locale,
 *            environment or working directory, never exits. Its file descriptors, one a
 *            connection, are closed by exec(). It starts no thread unless
 *            push_client_publish_async() is used: then one a client, with signals blocked.
 *
 * ENVIRONMENT, read at the first push_publish() of a process, and by push_client_new()
 *
 * PUSH_ADDRESS     where pushd listens for publishers: 127.0.0.1:5555 (the default), [::1]:5555,
 *                  localhost:5555 or unix:/run/pushd/publish.sock; tcp:// in front is allowed
 * PUSH_TOKEN       what a pushd with --publish-token wants to be shown; none by default
 * PUSH_TIMEOUT_MS  how long a publish may take, in milliseconds, 1 to 600000; 250 by default
 */


#ifndef PUSHER_H
#define PUSHER_H

/* Made by cbindgen from crates/libpusher/src/c_api: change it there. */

#include <stddef.h>
#include <stdint.h>

/**
 * Options that leave everything to the environment and the defaults:
 *
 *     push_options options = PUSH_OPTIONS_INIT;
 */
#define PUSH_OPTIONS_INIT { sizeof(push_options), NULL, 0, 0, NULL }


/**
 * Invalid argument: it is NULL, not UTF-8, an id of the wrong length, or a struct that was not
 * initialized with its INIT macro. Correct the call. Nothing was sent.
 */
#define PUSH_EINVAL -1

/**
 * The topic (category) is empty or longer than 1024 bytes. Correct the call. Nothing was published.
 */
#define PUSH_ETOPIC -2

/**
 * The event is not one complete JSON value. Correct the call. Nothing was sent.
 */
#define PUSH_EJSON -3

/**
 * The event is longer than pushd accepts (3 MiB). Publish less. Nothing was published.
 */
#define PUSH_ETOOBIG -4

/**
 * The address, the timeout or the token is invalid, in push_options or in the environment. Correct
 * it and call again. Nothing was sent.
 */
#define PUSH_ECONFIG -5

/**
 * No connection. Check that pushd is running and listens at the address. Nothing was sent: the same
 * call may work later.
 */
#define PUSH_ECONNECT -6

/**
 * Timeout. push_last_error() says whether the event was sent. If it was, it may or may not have been
 * published. Check whether pushd is stopped or overloaded.
 */
#define PUSH_ETIMEOUT -7

/**
 * The connection ended after the event was sent and before the answer. The event may or may not have
 * been published. Publish again only with the same id, or if browsers may get it twice.
 */
#define PUSH_ECLOSED -8

/**
 * The answer is not valid in pushd's protocol. Check which program listens at the address.
 */
#define PUSH_EPROTOCOL -9

/**
 * pushd refused the event. The same call would be refused again. push_last_error() has the reason.
 * Nothing was published.
 */
#define PUSH_EREFUSED -10

/**
 * pushd has no room for the event now, or is shutting down. Nothing was published: the same call may
 * work later.
 */
#define PUSH_EBUSY -11

/**
 * A bug in this library: please report it. The event may or may not have been published.
 */
#define PUSH_EINTERNAL -12

/**
 * The queue of push_client_publish_async() is full: events are queued faster than pushd accepts them.
 * Publish less, or wait with push_client_flush(). The event was not queued: the same call may work
 * later.
 */
#define PUSH_EFULL -13

/**
 * The client was freed before the answer. The event may or may not have been published. Call
 * push_client_flush() first.
 */
#define PUSH_ECANCELED -14

/**
 * The thread for push_client_publish_async() could not be started. Nothing was published.
 */
#define PUSH_ETHREAD -15

/**
 * The version of this header, MAJOR.MINOR.PATCH, for #if. The running library may have another one.
 * While MAJOR is 0, recompile programs when MINOR changes.
 */
#define PUSH_VERSION_MAJOR 0

/**
 * See PUSH_VERSION_MAJOR.
 */
#define PUSH_VERSION_MINOR 1

/**
 * See PUSH_VERSION_MAJOR.
 */
#define PUSH_VERSION_PATCH 0

/**
 * A publisher with its own options and its own connection, for any number of threads.
 */
typedef struct push_client push_client;

/**
 * Options of a push_client. Initialize with PUSH_OPTIONS_INIT, which selects the environment and the
 * defaults, and then set the members that should differ.
 */
typedef struct push_options {
  /**
   * sizeof(push_options). It tells the library which version of this struct your program uses.
   */
  size_t struct_size;
  /**
   * The address of pushd's port 5555, as in PUSH_ADDRESS. NULL: use PUSH_ADDRESS.
   */
  const char *address;
  /**
   * Timeout of a publish, 1 to 600000 milliseconds. 0: use PUSH_TIMEOUT_MS.
   */
  uint64_t timeout_ms;
  /**
   * Size of the queue of push_client_publish_async() in bytes. Each event takes its own length and
   * less than 100 bytes more. 0: 16 MiB.
   */
  uint64_t queue_bytes_max;
  /**
   * The token that a pushd with --publish-token requires. NULL: use PUSH_TOKEN.
   */
  const char *token;
} push_options;

/**
 * The answer to an accepted event.
 */
typedef struct push_receipt {
  /**
   * Number of the event in its topic. It only grows while pushd runs.
   */
  uint64_t sequence;
  /**
   * Number of browsers that the event was queued to.
   */
  uint64_t subscribers;
} push_receipt;

/**
 * Receives the answer to an event of push_client_publish_async(). Called exactly once for each
 * event, in a thread of the library.
 *
 * context: the pointer that was passed with the event. result: as push_publish() returns it. If it
 * is below 0, push_last_error() has the reason. receipt: NULL if result is below 0; valid until
 * the callback returns.
 *
 * It must not leave by a C++ exception, longjmp() or pthread_exit(). The next event waits until it
 * returns. It may call every function of this header, also for the same client.
 */
typedef void (*push_callback)(void *context, int result, const struct push_receipt *receipt);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Sends an event to every browser that is subscribed to the topic, and waits for the receipt.
 *
 * category: the topic, 1 to 1024 bytes of UTF-8. json: the event, one complete JSON value in
 * UTF-8, at most 3 MiB. Browsers receive it byte for byte.
 *
 * Returns the number of browsers that the event was queued to, at most INT_MAX. On error, returns
 * a code below 0; push_last_error() has the reason.
 */
int push_publish(const char *category,
                 const char *json);

/**
 * Returns the meaning of a code in English, for any number. Never NULL. Valid for the life of the
 * program.
 */
const char *push_strerror(int code);

/**
 * Returns the error text of this thread's last failed call: the reason, the address, the time spent
 * and the next thing to check. Never NULL. Empty if no call has failed. Valid until this thread
 * calls another push_ function or ends.
 */
const char *push_last_error(void);

/**
 * Makes a push_client. The first publish connects.
 *
 * options: NULL is the same as PUSH_OPTIONS_INIT. client: receives the new client, on success only.
 *
 * Returns 0, or a code below 0.
 */
int push_client_new(const struct push_options *options,
                    struct push_client **client);

/**
 * Publishes over the client's connection, like push_publish(). category and json have a length: they
 * need no NUL byte at the end.
 *
 * id: NULL, or 1 to 255 bytes of UTF-8 and a NUL. For 5 minutes, pushd answers another publish with
 * the same topic and id with the first receipt, and sends nothing. So after a lost answer you can
 * publish again, and no browser gets the event twice. receipt: written on success only; may be NULL.
 *
 * Returns the number of browsers that the event was queued to, at most INT_MAX, or a code below 0.
 */
int push_client_publish(struct push_client *client,
                        const char *category,
                        size_t category_len,
                        const char *json,
                        size_t json_len,
                        const char *id,
                        struct push_receipt *receipt);

/**
 * Closes the connection and frees the client. No thread may use the client during or after this
 * call. NULL is allowed and does nothing. In a forked child it frees the child's copy only.
 *
 * Events of push_client_publish_async() without an answer get PUSH_ECANCELED. Their callbacks have
 * run when it returns. It takes at most the timeout, plus the time that callbacks take. In a callback
 * of the same client it returns at once, and the other callbacks run afterwards.
 */
void push_client_free(struct push_client *client);

/**
 * Queues an event and returns at once. A thread of the library publishes queued events in order,
 * over a connection of its own. The first call in a process starts the thread.
 *
 * Arguments as for push_client_publish(). callback: receives the answer; may be NULL. context: is
 * passed to the callback.
 *
 * Returns 0, or a code below 0 if the event cannot be queued (PUSH_EFULL if the queue is full). In
 * that case the callback is not called.
 *
 * A forked child begins with an empty queue. Events that were queued before the fork are published
 * by the parent.
 */
int push_client_publish_async(struct push_client *client,
                              const char *category,
                              size_t category_len,
                              const char *json,
                              size_t json_len,
                              const char *id,
                              push_callback callback,
                              void *context);

/**
 * Waits until every event of push_client_publish_async() is answered and its callback has
 * returned, at most timeout_ms milliseconds. With 0, or in a callback, it does not wait.
 *
 * Returns the number of undelivered events, at most INT_MAX: events without an answer, and events
 * that failed since the last call. 0 means that all were published. Returns a code below 0 on error.
 * If the result is not 0, push_last_error() says more.
 */
int push_client_flush(struct push_client *client,
                      uint64_t timeout_ms);

/**
 * Returns the version of the running library, "0.1.0" for example. Never NULL. Valid for the life of
 * the program.
 */
const char *push_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PUSHER_H */
