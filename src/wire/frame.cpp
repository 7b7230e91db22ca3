// Naming what is wrong with a frame, and moving on to the next chunk.
#include "src/wire/frame.hpp"

#include <algorithm>

namespace pg::wire {
namespace {

constexpr std::size_t most_on_trust = 1024 * 1024;

/// "'q'", and by its number, 0xff, what cannot be printed.
std::string printed(char type) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(type);
    if (byte > ' ' && byte < 0x7f) return {'\'', type, '\''};
    return {'0', 'x', digits[byte / 16], digits[byte % 16]};
}

}  // namespace

FrameReader::Cut FrameReader::violate() noexcept {
    violation_ = "a message whose length cannot be";
    if (body_limits[static_cast<unsigned char>(*at_)] == 0)
        violation_ = "a message of a kind that does not exist";
    else if (load<std::uint32_t>(at_ + 1) < 4)
        violation_ = "a message whose length is less than that of its header";
    return Cut::violation;
}

void FrameReader::skip_more() noexcept {
    const std::size_t count = std::min(skipped_, held());
    at_ += count;
    skipped_ -= count;
}

Violation FrameReader::violation() const noexcept {
    if (violation_ == nullptr) return {};
    return {violation_, static_cast<ServerType>(*at_), load<std::uint32_t>(at_ + 1)};
}

std::string to_string(const Violation& violation) {
    std::string text = std::string(violation.reason) + " (" + printed(static_cast<char>(violation.type));
    if (violation.length >= 0) text.append(", ").append(std::to_string(violation.length)).append(" bytes");
    return text.append(")");
}

std::string FrameReader::unfinished() const {
    for (const char* at = at_; at != end_;) {
        const auto arrived = static_cast<std::size_t>(end_ - at);
        const std::string begun = "a message (" + printed(*at) + ", " + std::to_string(arrived);
        if (arrived < frame_header) return begun + (arrived == 1 ? " byte)" : " bytes)");
        const std::size_t size = load<std::uint32_t>(at + 1) - 4;
        if (size >= body_limits[static_cast<unsigned char>(*at)]) break;
        if (arrived - frame_header < size) return begun + " of " + std::to_string(frame_header + size) + " bytes)";
        at += frame_header + size;
    }
    return {};
}

std::span<char> FrameReader::room() {
    const std::size_t size = held();
    // All of a chunk that nobody else reads can be used again.
    if (size == 0 && chunk_ && chunk_.is_only()) at_ = end_ = chunk_->data();
    const std::size_t whole = frame_header + (size < frame_header ? 0 : body_size());  // the next frame
    const auto left = static_cast<std::size_t>(limit_ - end_);
    const auto behind = static_cast<std::size_t>(limit_ - at_);
    if (left < least_room || behind < std::min(whole, most_on_trust)) {
        // A long frame gets its room as it arrives: its length alone, which may be a lie, takes no more than this. What
        // is held may also be frames that nobody has cut yet, and then nothing is known of what follows them.
        const std::size_t trusted = std::max(most_on_trust, 2 * size);
        ChunkRef next = pool_->lend((whole > size ? std::min(whole, trusted) : 2 * size) + least_room);
        if (size != 0) std::memcpy(next->data(), at_, size);
        chunk_ = std::move(next);
        at_ = chunk_->data();
        end_ = at_ + size;
        limit_ = at_ + chunk_->size();
    }
    const std::span<char> room{end_, static_cast<std::size_t>(limit_ - end_)};
    PGCLIENT_POISON(chunk_->data(), chunk_.is_only() ? static_cast<std::size_t>(at_ - chunk_->data()) : 0);
    PGCLIENT_UNPOISON(room.data(), room.size());
    return room;
}

}  // namespace pg::wire
