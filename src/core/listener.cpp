// Listener: LISTEN, UNLISTEN, and waiting on one session.
#include "pg/listener.hpp"

#include "src/core/client_impl.hpp"
#include "src/core/connection_impl.hpp"
#include "src/core/quote.hpp"

namespace pg {

std::optional<Error> detail::refuse_to_listen(const Context& context) {
    if (context.keeps_session_state) return std::nullopt;
    return usage_error(
        "LISTEN needs a session of its own, and pooler=transaction leaves none to a client: give the listener a client "
        "of the server itself");
}

Expected<Listener> Listener::try_open(Client& client, CallSite site) {
    if (auto refused = detail::refuse_to_listen(*client.impl()->context)) return *std::move(refused);
    Expected<Connection> connection = client.try_connection({}, site);
    if (!connection) return std::move(connection).error();
    return Listener(*std::move(connection));
}

Expected<void> Listener::run(const std::string& sql) {
    auto done = connection_.try_exec(runtime(sql));
    if (!done) return std::move(done).error();
    return {};
}

Expected<void> Listener::try_listen(std::string_view channel) {
    if (auto refused = detail::refuse_channel(channel)) return *std::move(refused);
    return run("listen " + detail::quote_name(channel));
}
Expected<void> Listener::try_unlisten(std::string_view channel) {
    if (auto refused = detail::refuse_channel(channel)) return *std::move(refused);
    return run("unlisten " + detail::quote_name(channel));
}
Expected<void> Listener::try_unlisten_all() { return run("unlisten *"); }

Expected<std::optional<Notification>> Listener::try_next(std::chrono::nanoseconds timeout, const StopToken* stop) {
    const auto borrowed = detail::ExecutorAccess::borrow(connection_, nullptr);
    if (!borrowed) return borrowed.error();
    auto next = borrowed->session().wait_notification({Deadline::after(timeout), stop});
    if (!next) next = borrowed->failed_by(std::move(next).error());
    return next;
}

}  // namespace pg
