// ScriptedSession: a session of either engine, with a server that goes on by a script.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "pg/spi/provider.hpp"
#include "pg/testing/fake_server.hpp"
#include "providers/libpq/provider.hpp"

namespace pg::libpq {

using namespace std::chrono_literals;

inline spi::Wait in(std::chrono::nanoseconds time) { return {.deadline = Deadline::after(time), .stop = nullptr}; }
inline spi::Wait soon() { return in(10s); }

/// What becomes of a request to cancel the session's statement: its connection is closed unread, or the session's
/// script can wait for it; and then it is closed, at once or after a cue, or kept as if the server were not done with
/// it.
enum class CancelRequests : std::uint8_t { sent_away, heard, cued, kept };

struct ScriptedSessionOptions {
    bool unix_socket = false;
    CancelRequests cancel_requests = CancelRequests::sent_away;
    std::shared_ptr<spi::NoticeHandler> notices = nullptr;
    std::string keywords = {};  ///< beside the engine
};

/// The script begins where the session rests for the first time. Who else comes is sent away, or heard.
class ScriptedSession {
public:
    ScriptedSession(std::string_view engine, testing::Script script, const ScriptedSessionOptions& options = {})
        : server_(testing::FakeServer::start(
              [script = std::move(script), is_direct = engine == "direct",
               requests = options.cancel_requests](testing::Conversation& client) {
                  if (client.number() != 1) {
                      if (requests != CancelRequests::sent_away) client.let_in();
                      if (requests == CancelRequests::cued) client.wait_for_cue();
                      if (requests == CancelRequests::kept) client.ignore();
                      return;
                  }
                  if (!client.let_in()) return;
                  if (is_direct) {  // it begins with a Sync, to see that nothing else is under way
                      client.expect(testing::MessageKind::sync);
                      client.send(testing::Reply().ready());
                  }
                  script(client);
              },
              {.unix_socket = options.unix_socket})),
          session_(
              make_libpq_provider()
                  ->open(Config::parse(server_.conninfo() + " engine=" + std::string(engine) + " " + options.keywords)
                             .value(),
                         {.types = nullptr, .notices = options.notices}, soon())
                  .value()) {}

    spi::Session* operator->() const { return session_.get(); }
    spi::Session& operator*() const { return *session_; }
    [[nodiscard]] testing::FakeServer& server() noexcept { return server_; }
    void close() noexcept { session_.reset(); }

private:
    testing::FakeServer server_;
    std::unique_ptr<spi::Session> session_;
};

/// Hears the statement of a COPY … TO STDOUT, which one engine sends by the simple protocol, and gives what says that
/// it begins.
inline testing::Reply take_copy_out(testing::Conversation& client, std::string_view engine) {
    const bool is_simple = engine == "direct";
    client.receive_until(is_simple ? testing::MessageKind::query : testing::MessageKind::sync);
    testing::Reply begun;
    if (!is_simple) begun.parse_complete().bind_complete().no_data();
    return begun.copy_out(1);
}

}  // namespace pg::libpq
