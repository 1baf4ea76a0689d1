// pusher.hpp - libpusher for C++11 and later: errors are exceptions, clients free themselves.
//
//     #include <pusher.hpp>
//
//     int browsers = push::publish("kittensCategory", "{\"title\":\"Hello\"}");
//
//     push::client client("unix:/run/pushd/publish.sock", std::chrono::milliseconds(100));
//     push::receipt receipt = client.publish("kittensCategory", json);
//
// It needs no library of its own: compile and link as with pusher.h. The same conventions apply.

#ifndef PUSHER_HPP
#define PUSHER_HPP

#include <pusher.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace push {

// A call that failed: what() is push_last_error(), code() one of PUSH_E...
class error : public std::runtime_error {
public:
    error(int code, const std::string &text) : std::runtime_error(text), code_(code) {}

    int code() const noexcept { return code_; }

private:
    int code_;
};

// The answer to an accepted event: sequence, subscribers, position, stored, nodes, spooled.
typedef push_receipt receipt;

namespace detail {

inline int check(int result)
{
    if (result < 0)
        throw error(result, push_last_error());
    return result;
}

// C would cut the text at the NUL.
inline const char *c_string(const std::string &text, const char *name)
{
    if (text.find('\0') != std::string::npos)
        throw error(PUSH_EINVAL, std::string(name) + " has a NUL byte inside");
    return text.c_str();
}

inline const char *c_string_or_null(const std::string &text, const char *name)
{
    return text.empty() ? nullptr : c_string(text, name);
}

typedef std::function<void(int, const push_receipt *)> callback;

// Runs once for each event. noexcept: an exception must not unwind through C, so it ends the program.
inline void call_back(void *context, int result, const push_receipt *receipt) noexcept
{
    const std::unique_ptr<callback> function(static_cast<callback *>(context));

    (*function)(result, receipt);
}

struct free_client {
    void operator()(push_client *client) const noexcept { push_client_free(client); }
};

} // namespace detail

// Sends an event, one JSON value, to every browser that is subscribed to the topic, over the
// connection that the whole process shares. Returns the number of browsers that it was queued to, or
// PUSH_SPOOLED.
inline int publish(const std::string &category, const std::string &json)
{
    return detail::check(push_publish(detail::c_string(category, "category"),
                                      detail::c_string(json, "json")));
}

// Returns the present position of pushd's log, over the same connection. A page that subscribes with it
// as `since` gets every event that is published from now on.
inline std::string position()
{
    char out[PUSH_POSITION_SIZE];

    detail::check(push_position(out, sizeof out));
    return out;
}

// Signs a ticket for private topics, as push_ticket() does. An empty sub or info: none. An empty key_file:
// /etc/pushd/ticket.keys.
inline std::string ticket(const std::vector<std::string> &topics,
                          std::chrono::seconds ttl = std::chrono::seconds(300),
                          const std::string &sub = std::string(),
                          const std::string &info = std::string(),
                          const std::string &key_file = std::string())
{
    std::vector<const char *> list;
    char out[PUSH_TICKET_SIZE];

    for (const std::string &topic : topics)
        list.push_back(detail::c_string(topic, "topic"));
    if (ttl.count() < 1)
        throw error(PUSH_ECONFIG, "no ticket was signed: ttl is less than 1 second");
    detail::check(push_ticket(list.data(), list.size(), static_cast<std::uint64_t>(ttl.count()),
                              detail::c_string_or_null(sub, "sub"),
                              detail::c_string_or_null(info, "info"),
                              detail::c_string_or_null(key_file, "key_file"), out, sizeof out));
    return out;
}

// Ends all tickets of a user that were signed up to now. Returns the number of sessions at the answering
// pushd that lost their ticket.
inline int revoke(const std::string &sub)
{
    return detail::check(push_revoke(detail::c_string(sub, "sub")));
}

// Returns the members of a topic, as the JSON of push_presence().
inline std::string presence(const std::string &topic)
{
    std::vector<char> out(PUSH_PRESENCE_SIZE);

    detail::check(push_presence(detail::c_string(topic, "topic"), out.data(), out.size()));
    return out.data();
}

// A publisher with its own address, timeout and connection; it can be moved, not copied. Any number
// of threads may publish with it at once.
class client {
public:
    // The first publish connects. An empty address or token, or no timeout: use the environment.
    explicit client(const std::string &address = std::string(),
                    std::chrono::milliseconds timeout = std::chrono::milliseconds(0),
                    const std::string &token = std::string())
    {
        push_options options = PUSH_OPTIONS_INIT;
        push_client *made = nullptr;

        if (!address.empty())
            options.address = detail::c_string(address, "address");
        if (!token.empty())
            options.token = detail::c_string(token, "token");
        options.timeout_ms = static_cast<std::uint64_t>(timeout.count());
        detail::check(push_client_new(&options, &made));
        client_.reset(made);
    }

    // Sends an event, one JSON value, to every browser that is subscribed to the topic. If
    // the same id was published to the topic in the last 5 minutes, sends nothing and returns the first
    // receipt.
    receipt publish(const std::string &category, const std::string &json,
                    const std::string &id = std::string())
    {
        receipt done = receipt();

        detail::check(push_client_publish(client_.get(), category.data(), category.size(),
                                          json.data(), json.size(), c_id(id), 0, &done));
        return done;
    }

    // The same, for every subscriber but one session: that of the page that caused the event, as
    // push_event.exclude names it. Empty: for every subscriber.
    receipt publish_except(const std::string &exclude, const std::string &category,
                           const std::string &json, const std::string &id = std::string())
    {
        push_event event = PUSH_EVENT_INIT;
        receipt done = receipt();

        event.category = category.data();
        event.category_len = category.size();
        event.json = json.data();
        event.json_len = json.size();
        event.id = c_id(id);
        event.exclude = detail::c_string_or_null(exclude, "exclude");
        detail::check(push_client_publish_event(client_.get(), &event, &done));
        return done;
    }

    // As push::position(), over the client's connection.
    std::string position()
    {
        char out[PUSH_POSITION_SIZE];

        detail::check(push_client_position(client_.get(), out, sizeof out));
        return out;
    }

    // As push::revoke(), over the client's connection.
    int revoke(const std::string &sub)
    {
        return detail::check(push_client_revoke(client_.get(), detail::c_string(sub, "sub")));
    }

    // As push::presence(), over the client's connection.
    std::string presence(const std::string &topic)
    {
        std::vector<char> out(PUSH_PRESENCE_SIZE);

        detail::check(push_client_presence(client_.get(), detail::c_string(topic, "topic"),
                                           out.data(), out.size()));
        return out.data();
    }

    // Queues the event. A thread of the library publishes it.
    void publish_async(const std::string &category, const std::string &json)
    {
        queue(category, json, std::string(), nullptr, nullptr);
    }

    // The same. That thread calls callback(result, receipt) with the result of push_client_publish().
    // It must not throw. receipt is null if result is below 0.
    void publish_async(const std::string &category, const std::string &json,
                       std::function<void(int, const receipt *)> callback,
                       const std::string &id = std::string())
    {
        std::unique_ptr<detail::callback> function(new detail::callback(std::move(callback)));

        queue(category, json, id, detail::call_back, function.get());
        function.release();
    }

    // Waits until the queue is empty, at most that long. Returns the number of undelivered events:
    // events without an answer, and events that failed since the last call.
    int flush(std::chrono::milliseconds timeout)
    {
        const std::chrono::milliseconds::rep ms = timeout.count();

        return detail::check(
            push_client_flush(client_.get(), ms > 0 ? static_cast<std::uint64_t>(ms) : 0));
    }

private:
    static const char *c_id(const std::string &id)
    {
        return detail::c_string_or_null(id, "id");
    }

    void queue(const std::string &category, const std::string &json, const std::string &id,
               push_callback callback, void *context)
    {
        detail::check(push_client_publish_async(client_.get(), category.data(), category.size(),
                                                json.data(), json.size(), c_id(id), 0, callback,
                                                context));
    }

    std::unique_ptr<push_client, detail::free_client> client_;
};

} // namespace push

#endif // PUSHER_HPP
