// Moving bytes from one socket to the other, as the lines between them allow.
#include "src/testing/proxied_connection.hpp"

#include <algorithm>
#include <cerrno>

#include "src/testing/loopback.hpp"

namespace pg::testing {
namespace {

constexpr std::array both{Direction::to_server, Direction::to_client};

std::size_t sender_of(Direction direction) { return static_cast<std::size_t>(direction); }
std::size_t receiver_of(Direction direction) { return 1 - sender_of(direction); }

bool try_again(int code) { return code == EAGAIN || code == EINTR; }

}  // namespace

ProxiedConnection::ProxiedConnection(Descriptor client, Descriptor server, const Faults& to_server,
                                     const Faults& to_client)
    : ends_{std::move(client), std::move(server)}, ways_{Way{FaultyLine(to_server)}, Way{FaultyLine(to_client)}} {}

short ProxiedConnection::wishes(std::size_t end, Time now) const {
    const Way &from = ways_[end], &to = ways_[1 - end];
    if (end == receiver_of(Direction::to_server) && connecting_) return POLLOUT;
    int events = 0;
    if (!from.ended && from.line.room() > 0) events |= POLLIN;
    if (!to.closed && !to.line.due(now).empty()) events |= POLLOUT;
    return static_cast<short>(events);
}

Deadline ProxiedConnection::await(std::vector<pollfd>& awaited, Time now, Deadline next) const {
    for (std::size_t end = 0; end < ends_.size(); ++end) {
        // poll() reports some events unasked, so a socket without a wish is left out.
        const short events = is_open() ? wishes(end, now) : short{0};
        awaited.push_back({.fd = events != 0 ? ends_[end].get() : -1, .events = events, .revents = 0});
    }
    for (const Direction direction : both)
        if (const FaultyLine& line = way(direction).line; is_open() && line.due(now).empty())
            next = earlier(next, line.next_due());
    return next;
}

void ProxiedConnection::serve(const pollfd* ready, Time now) {
    now_ = now;
    if (is_open() && connecting_ && ready[1].revents != 0) finish_connecting();
    for (const Direction direction : both) {
        if (is_open() && ready[sender_of(direction)].revents != 0) receive(direction);
        if (is_open() && !connecting_) send(direction);
    }
    if (is_open()) pass_ends();
}

void ProxiedConnection::finish_connecting() {
    int code = 0;
    socklen_t size = sizeof code;
    ::getsockopt(ends_[1].get(), SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) return cut(Ending::reset);
    connecting_ = false;
}

void ProxiedConnection::receive(Direction direction) {
    Way& it = way(direction);
    std::array<char, 16384> bytes{};
    const std::size_t room = std::min(bytes.size(), it.line.room());
    if (it.ended || room == 0 || (connecting_ && direction == Direction::to_client)) return;
    const ssize_t count = ::recv(ends_[sender_of(direction)].get(), bytes.data(), room, 0);
    if (count > 0)
        it.line.take({bytes.data(), static_cast<std::size_t>(count)}, now_);
    else if (count == 0)
        it.ended = true;
    else if (!try_again(errno))
        lose(sender_of(direction));
}

void ProxiedConnection::send(Direction direction) {
    Way& it = way(direction);
    const std::string_view piece = it.line.due(now_);
    if (!it.closed && !piece.empty()) {
        const ssize_t count = ::send(ends_[receiver_of(direction)].get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (count > 0)
            it.line.sent(static_cast<std::size_t>(count), now_);
        else if (!try_again(errno))
            return lose(receiver_of(direction));
    }
    if (it.line.must_cut()) return cut(it.line.cut_ending());
    if (it.line.must_half_close() && !it.closed) close_outlet(direction);
}

void ProxiedConnection::pass_ends() {
    for (const Direction direction : both)
        if (Way& it = way(direction); it.ended && !it.closed && !connecting_ && it.line.passes_an_end())
            close_outlet(direction);
    if (std::all_of(ways_.begin(), ways_.end(),
                    [](const Way& it) { return it.ended && (it.closed || it.line.swallows()); }))
        cut(Ending::fin);
}

void ProxiedConnection::close_outlet(Direction direction) {
    way(direction).closed = true;
    way(direction).line.close_outlet();
    ::shutdown(ends_[receiver_of(direction)].get(), SHUT_WR);
}

void ProxiedConnection::lose(std::size_t end) {
    Way &from = ways_[end], &to = ways_[1 - end];
    // A reset is passed on, but for a black hole: there the other side is left alone.
    if (!from.line.swallows()) return cut(Ending::reset);
    from.ended = true;
    to.closed = true;
    to.line.close_outlet();
}

void ProxiedConnection::set(Direction direction, const Faults& faults) {
    FaultyLine& line = way(direction).line;
    line.set(faults);
    if (is_open() && line.must_cut()) return cut(faults.cut_ending);
    if (is_open() && !connecting_ && line.must_half_close() && !way(direction).closed) close_outlet(direction);
}

void ProxiedConnection::half_close(Direction direction) {
    if (is_open()) close_outlet(direction);
}

void ProxiedConnection::cut(Ending ending) {
    for (Descriptor& end : ends_)
        if (end) close_with(ending == Ending::reset ? Farewell::reset : Farewell::fin, end);
}

}  // namespace pg::testing
