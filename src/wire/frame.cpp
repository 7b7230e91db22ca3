// Cutting frames, and moving on to the next chunk.
#include "src/wire/frame.hpp"

#include <algorithm>
#include <array>

namespace pg::wire {
namespace {

constexpr std::size_t most_on_trust = 1024 * 1024;
constexpr std::int32_t most_in_short = 30000;
constexpr std::int32_t no_such_kind = -1;

/// The most bytes that a body may have, by kind. ParameterDescription is bounded by 65535 parameters only,
/// ParameterStatus by what a setting may hold.
constexpr auto most_in_body = [] {
    std::array<std::int32_t, 256> most{};
    most.fill(no_such_kind);
    const auto set = [&](std::string_view types, std::int32_t value) {
        for (const char type : types) most[static_cast<unsigned char>(type)] = value;
    };
    set("123Icns", 0);
    set("GHKRWZv", most_in_short);
    set("ACDENSTVdt", std::int32_t{most_in_frame});
    return most;
}();

std::int32_t most_in(char type) noexcept { return most_in_body[static_cast<unsigned char>(type)]; }

}  // namespace

bool is_server_type(char type) noexcept { return most_in(type) != no_such_kind; }
bool is_long_type(char type) noexcept { return most_in(type) == std::int32_t{most_in_frame}; }

FrameReader::Cut FrameReader::cut(Frame& frame) noexcept {
    if (violation_) return Cut::violation;
    const char type = *at_;
    const auto length = load<std::uint32_t>(at_ + 1);
    const std::int32_t most = most_in(type);
    if (most == no_such_kind) {
        violation_ = {"a message of a kind that does not exist"};
    } else if (length < 4) {
        violation_ = {"a message whose length is less than that of its header"};
    } else if (length - 4 > static_cast<std::uint32_t>(most)) {
        violation_ = {"a message whose length cannot be"};
    }
    if (violation_) return Cut::violation;
    const std::size_t whole = std::size_t{1} + length;
    if (held() < whole) {
        wanted_ = whole;
        return Cut::more;
    }
    frame = {static_cast<ServerType>(type), {at_ + frame_header, length - 4}};
    at_ += whole;
    wanted_ = frame_header;
    return Cut::frame;
}

std::span<char> FrameReader::room() {
    // All of a chunk that nobody else reads can be used again.
    if (at_ == end_ && chunk_ && chunk_.is_only()) at_ = end_ = chunk_->data();
    const std::size_t size = held();
    const auto left = static_cast<std::size_t>(limit_ - end_);
    const auto behind = static_cast<std::size_t>(limit_ - at_);
    if (left < least_room || behind < std::min(wanted_, most_on_trust)) {
        // A long frame gets its room as it arrives: its length alone, which may be a lie, takes no more than this. What
        // is held may also be frames that nobody has cut yet, and then nothing is known of what follows them.
        const std::size_t trusted = std::max(most_on_trust, 2 * size);
        ChunkRef next = pool_->lend((wanted_ > size ? std::min(wanted_, trusted) : 2 * size) + least_room);
        if (size != 0) std::memcpy(next->data(), at_, size);
        chunk_ = std::move(next);
        at_ = chunk_->data();
        end_ = at_ + size;
        limit_ = at_ + chunk_->size();
    }
    return {end_, static_cast<std::size_t>(limit_ - end_)};
}

}  // namespace pg::wire
