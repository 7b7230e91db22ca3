// ProxiedConnection: a client's socket, a server's, and the two faulty lines between them.
#pragma once

#include <array>
#include <poll.h>
#include <vector>

#include "src/testing/descriptor.hpp"
#include "src/testing/faulty_line.hpp"

namespace pg::testing {

/// Service. One thread at a time.
///
/// (X1) A socket is awaited for nothing that could not be done with it: no loop of poll() turns for its own sake.
/// (X2) Once closed, it has no sockets, and stays so.
class ProxiedConnection final {
public:
    using Time = FaultyLine::Time;

    /// The server's socket may still be connecting.
    ProxiedConnection(Descriptor client, Descriptor server, const Faults& to_server, const Faults& to_client);

    [[nodiscard]] bool is_open() const { return static_cast<bool>(ends_[0]); }
    [[nodiscard]] const Traffic& traffic(Direction direction) const { return way(direction).line.traffic(); }

    /// What it waits for, as two entries; the sooner of `next` and what time alone will change.
    [[nodiscard]] Deadline await(std::vector<pollfd>& awaited, Time now, Deadline next) const;
    /// Does what can be done; `ready` are the entries that it gave, as poll() left them.
    void serve(const pollfd* ready, Time now);

    void set(Direction direction, const Faults& faults);
    void half_close(Direction direction);
    void cut(Ending ending);

private:
    /// One direction.
    struct Way {
        FaultyLine line;
        bool ended = false;   ///< nothing more comes from its sender
        bool closed = false;  ///< its receiver was told so, or is gone
    };

    [[nodiscard]] Way& way(Direction direction) { return ways_[static_cast<std::size_t>(direction)]; }
    [[nodiscard]] const Way& way(Direction direction) const { return ways_[static_cast<std::size_t>(direction)]; }
    [[nodiscard]] short wishes(std::size_t end, Time now) const;
    void finish_connecting();
    void receive(Direction direction);
    void send(Direction direction);
    void pass_ends();
    void close_outlet(Direction direction);
    void lose(std::size_t end);

    std::array<Descriptor, 2> ends_;  ///< the client's, the server's: a direction begins at the end of its number
    std::array<Way, 2> ways_;
    bool connecting_ = true;
    Time now_{};
};

}  // namespace pg::testing
