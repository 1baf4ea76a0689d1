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
 * An argument is NULL, not UTF-8, or a struct that was not begun with its INIT macro. Correct the
 * call. Nothing was sent.
 */
#define PUSH_EINVAL -1

/**
 * The category is empty or longer than 1024 bytes. Correct the call. Nothing was published.
 */
#define PUSH_ETOPIC -2

/**
 * The event is not one complete JSON value. Correct the call. Nothing was sent.
 */
#define PUSH_EJSON -3

/**
 * The event is longer than pushd takes (3 MiB). Publish less. Nothing was published.
 */
#define PUSH_ETOOBIG -4

/**
 * The address or the timeout can't be understood, be it from push_options or from the environment.
 * Correct it and call again. Nothing was sent.
 */
#define PUSH_ECONFIG -5

/**
 * No connection. Check that pushd runs and that the address is the one where it listens. Nothing
 * was sent: the same call may work later.
 */
#define PUSH_ECONNECT -6

/**
 * The time is up. push_last_error() says whether the event was still to be sent; if it was not,
 * nobody knows whether it was published. Check whether pushd is stopped or overloaded.
 */
#define PUSH_ETIMEOUT -7

/**
 * The connection ended after the event was sent and before the answer: it may or may not have been
 * published. Publish again only if browsers may get it twice.
 */
#define PUSH_ECLOSED -8

/**
 * What answered does not speak pushd's protocol. Check what listens at the address.
 */
#define PUSH_EPROTOCOL -9

/**
 * pushd refuses. The same call would be refused again; push_last_error() says why. Nothing was
 * published.
 */
#define PUSH_EREFUSED -10

/**
 * pushd has no room for the event now, or is about to end. Nothing was published: the same call
 * may work later.
 */
#define PUSH_EBUSY -11

/**
 * An error in this library, please report it. Nobody knows whether the event was published.
 */
#define PUSH_EINTERNAL -12

/**
 * The queue of push_client_publish_async() is full: pushd takes less than is published. Publish
 * less, or wait with push_client_flush(). Nothing was published: the same call may work later.
 */
#define PUSH_EFULL -13

/**
 * The client was freed before the event was answered: it may or may not have been published. Call
 * push_client_flush() first.
 */
#define PUSH_ECANCELED -14

/**
 * The system has no thread for push_client_publish_async(). Nothing was published.
 */
#define PUSH_ETHREAD -15

/**
 * The version of this header, MAJOR.MINOR.PATCH: for #if. The library that runs may be another one.
 * While MAJOR is 0, programs have to be compiled anew when MINOR changes.
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
 * What a push_client has to know. Begin with PUSH_OPTIONS_INIT, which leaves everything to the
 * environment and the defaults, and set what should be different.
 */
typedef struct push_options {
  /**
   * sizeof(push_options), by which the library knows your header's version of it.
   */
  size_t struct_size;
  /**
   * Where pushd listens for publishers; NULL: as PUSH_ADDRESS says.
   */
  const char *address;
  /**
   * How long a publish may take, 1 to 600000 milliseconds; 0: as PUSH_TIMEOUT_MS says.
   */
  uint64_t timeout_ms;
  /**
   * How many bytes push_client_publish_async() may have waiting, events and what it knows about
   * each (less than 100 bytes); 0: 16 MiB.
   */
  uint64_t queue_bytes_max;
  /**
   * What a pushd with --publish-token wants to be shown; NULL: as PUSH_TOKEN says.
   */
  const char *token;
} push_options;

/**
 * What was done with an event.
 */
typedef struct push_receipt {
  /**
   * The event's number in its category. It only grows while pushd runs.
   */
  uint64_t sequence;
  /**
   * How many browsers the event was queued to.
   */
  uint64_t subscribers;
} push_receipt;

/**
 * Gets the answer to an event of push_client_publish_async(), once for each, in a thread of the
 * library's.
 *
 * context: what was passed in with the event. result: as push_publish() returns it;
 * push_last_error() says why, if it is below 0. receipt: NULL if it is below 0; valid until the
 * callback returns.
 *
 * It must not leave by a C++ exception, longjmp() or pthread_exit(), and the next event waits until it returns.
 * It may call everything here, also for the same client.
 */
typedef void (*push_callback)(void *context, int result, const struct push_receipt *receipt);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Sends an event to every browser that is subscribed to the category, and waits for the receipt.
 *
 * category: the topic, 1 to 1024 bytes of UTF-8. json: the event, one complete JSON value in
 * UTF-8, at most 3 MiB; browsers get it byte for byte.
 *
 * Returns the number of browsers that the event was queued to, 0 or more (INT_MAX if there are
 * more); or a code below 0, with its reason in push_last_error().
 */
int push_publish(const char *category,
                 const char *json);

/**
 * What a code means, in English. Never NULL, for any number; valid for ever.
 */
const char *push_strerror(int code);

/**
 * What went wrong in this thread's last call that failed: the address, the time spent, and what to
 * check. Never NULL, empty if none has failed. Valid until this thread's next call of a push_
 * function, or its end.
 */
const char *push_last_error(void);

/**
 * Makes a push_client. It opens nothing yet.
 *
 * options: NULL is the same as PUSH_OPTIONS_INIT. client: gets the new client, on success only.
 *
 * Returns 0, or a code below 0.
 */
int push_client_new(const struct push_options *options, struct push_client **client);

/**
 * As push_publish(), over the client's connection, with texts that need not end with a NUL byte and
 * may have one inside.
 *
 * id: NULL, or 1 to 255 bytes of UTF-8 that end with a NUL: for 5 minutes pushd sends nothing more
 * to the same category with the same id, and answers with the receipt of the first. So who got no
 * answer may publish again, and nobody sees the event twice. receipt: is written on success only, may be NULL.
 *
 * Returns the number of browsers that the event was queued to, 0 or more (INT_MAX if there are
 * more); or a code below 0.
 */
int push_client_publish(struct push_client *client,
                        const char *category,
                        size_t category_len,
                        const char *json,
                        size_t json_len,
                        const char *id,
                        struct push_receipt *receipt);

/**
 * Closes the connection and frees the client; no thread may be using it, or use it again. NULL is
 * allowed and does nothing. In a forked child it frees the child's copy only.
 *
 * Events of push_client_publish_async() that are not answered yet get PUSH_ECANCELED, and their
 * callbacks have run when it returns: not later than the timeout, and what callbacks need. In a
 * callback of the client itself it returns at once, and the others run afterwards.
 */
void push_client_free(struct push_client *client);

/**
 * As push_client_publish(), but only puts the event into a queue, which a thread of the library's
 * empties over a connection of its own: events come out in the order in which they went in. The
 * thread is started by a process's first call.
 *
 * callback: is told what became of the event, may be NULL. context: for the callback.
 *
 * Returns 0 at once, or a code below 0 for what can't be queued (PUSH_EFULL if there is no room);
 * then there will be no callback.
 *
 * A forked child begins with an empty queue: what was queued before the fork is its parent's.
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
 * returned, at most timeout_ms milliseconds (0: does not wait).
 *
 * Returns how many are undelivered: those that still wait, and those that failed since the last
 * call; 0 if all is well (INT_MAX if there are more), or a code below 0. If it is not 0,
 * push_last_error() says more. In a callback it does not wait.
 */
int push_client_flush(struct push_client *client, uint64_t timeout_ms);

/**
 * The version of the library that runs, as "0.1.0". Never NULL; valid for ever.
 */
const char *push_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PUSHER_H */
