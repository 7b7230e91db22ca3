// Interceptor: has a say in a request before it is sent, and in its answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pg/options.hpp"
#include "pg/params.hpp"
#include "pg/result.hpp"
#include "pg/spi/observer.hpp"

namespace pg::spi {

/// A setting for one transaction, made as `set_config(name, value, true)` makes it. Both travel as parameters. Value.
struct LocalSetting {
    std::string name;   ///< as SHOW takes it
    std::string value;  ///< as text

    friend bool operator==(const LocalSetting&, const LocalSetting&) = default;
};

/// A request on its way down. What may be changed is changed in place. Pinned.
struct InterceptedRequest {
    /// What it is; `query` for any statement.
    RequestKind kind = RequestKind::query;
    bool is_in_batch = false;   ///< a statement of a batch, which came before as a request of its own
    std::string_view tenant{};  ///< on whose behalf; empty: nobody's. See `<pg/tenancy.hpp>`
    std::string_view sql{};     ///< its text; that of a batch's first statement. See `replace_text`
    Params* params = nullptr;   ///< of a statement or a stream, which may be changed; null: there are none
    QueryOptions options{};     ///< of a statement, which may be changed outside a batch, `extra` excepted; an
                                ///< awaited one of a client may be given less time, and not more
    /// For its transaction: that which it begins, or one around it alone, so that nothing of them stays in the session.
    /// Those of a batch's statement are not heeded.
    std::vector<LocalSetting> settings{};

    /// Of a statement or a stream. It is checked as a text known at run time is, and not prepared.
    void replace_text(std::string text) {
        own_text = std::move(text);
        sql = *own_text;
    }
    std::optional<std::string> own_text{};  ///< in the place of the one that the request came with
};

/// Has a say: `Options::interceptors` takes any number of them, and shares them. Before a request is sent they are
/// asked in their order, afterwards in the opposite one, and only those that were asked before.
///
/// Asked before are statements, streams, scripts, batches and each statement in them, COPYs, and the BEGIN of a
/// transaction; COMMIT, ROLLBACK and savepoints are told at their end only. Large objects work by statements; the
/// look-ups of types are not shown. Blocking and awaited calls go the same way, but while there is an interceptor, no
/// awaited call shares a session with others. A blocking statement or batch is shown before a session is asked for.
///
/// It is called on the thread that makes the call or a loop's, on several at a time, must not throw, and must not use
/// the client, which would have it call itself. Of an awaited call it has the 256 KiB of a fiber as its stack.
class PGCLIENT_API Interceptor {
public:
    Interceptor() = default;
    Interceptor(const Interceptor&) = delete;
    Interceptor& operator=(const Interceptor&) = delete;
    virtual ~Interceptor();

    /// Nothing: it goes on. An error: it is refused. A result: that is the answer to a statement, and nothing is sent;
    /// for any other request there is none.
    [[nodiscard]] Expected<std::optional<Result>> before(InterceptedRequest& request) noexcept {
        return do_before(request);
    }
    /// What a statement came to, which may be changed.
    void after(const InterceptedRequest& request, Expected<Result>& answer) noexcept { do_after(request, answer); }
    /// Any other request has ended; null: well, or before its end by whoever made it.
    void ended(const InterceptedRequest& request, const Error* error) noexcept { do_ended(request, error); }

private:
    virtual Expected<std::optional<Result>> do_before(InterceptedRequest& request) noexcept;
    virtual void do_after(const InterceptedRequest& request, Expected<Result>& answer) noexcept;
    virtual void do_ended(const InterceptedRequest& request, const Error* error) noexcept;
};

}  // namespace pg::spi
