// What a conversation is made of: a socket, what arrived on it, and the statements and portals that its client named.
#pragma once

#include <map>

#include "src/testing/descriptor.hpp"
#include "src/testing/fake_server_state.hpp"

namespace pg::testing {

/// Invariants:
/// (C1) The socket never blocks: who waits for it waits for the stop of the server too.
/// (C2) A socket that was closed is gone: then `receive` gives `left`, and `send` does nothing.
struct Conversation::Impl {
    /// A prepared statement, as Parse made it.
    struct Prepared {
        std::string sql;
        std::vector<Oid> types;
    };

    Impl(FakeServerState& shared, int its_number, Descriptor connection)
        : state(shared), number(its_number), socket(std::move(connection)) {}

    FakeServerState& state;
    const int number;
    Descriptor socket;
    bool started = false;              ///< the startup packet came
    std::ptrdiff_t cancels_heard = 0;  ///< requests that were waited for
    std::string input = {};
    std::map<std::string, Prepared> statements = {};
    std::map<std::string, ClientMessage> portals = {};  ///< the Bind that made each

    /// Waits for `events` of the socket; false when it is closed or the server stops.
    [[nodiscard]] bool wait(short events) const;
    /// Appends to `input`; false when nothing more comes.
    [[nodiscard]] bool fill();
    /// The next message, with what earlier ones said of its statement; `left` when nothing more comes. What later ones
    /// need of it is kept when it is taken in. @{
    [[nodiscard]] ClientMessage next();
    void take_in(const ClientMessage& message);  /// @}
    void resolve(ClientMessage& message) const;
    [[nodiscard]] FakeStatement statement_of(const ClientMessage& message) const;
};

}  // namespace pg::testing
