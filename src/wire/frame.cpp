// Naming what is wrong with a frame, and moving on to the next chunk.
#include "src/wire/frame.hpp"

#include <algorithm>

namespace pg::wire {
namespace {

constexpr std::size_t most_on_trust = 1024 * 1024;

}  // namespace

FrameReader::Cut FrameReader::violate() noexcept {
    violation_ = "a message whose length cannot be";
    if (body_limits[static_cast<unsigned char>(*at_)] == 0)
        violation_ = "a message of a kind that does not exist";
    else if (load<std::uint32_t>(at_ + 1) < 4)
        violation_ = "a message whose length is less than that of its header";
    return Cut::violation;
}

Violation FrameReader::violation() const noexcept {
    if (violation_ == nullptr) return {};
    return {violation_, static_cast<ServerType>(*at_), load<std::uint32_t>(at_ + 1)};
}

std::string to_string(const Violation& violation) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(violation.type);
    std::string text = std::string(violation.reason) + " (";
    if (byte > ' ' && byte < 0x7f)
        text.append("'").append(1, static_cast<char>(byte)).append("'");
    else
        text.append("0x").append(1, digits[byte / 16]).append(1, digits[byte % 16]);
    if (violation.length >= 0) text.append(", ").append(std::to_string(violation.length)).append(" bytes");
    return text.append(")");
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
    return {end_, static_cast<std::size_t>(limit_ - end_)};
}

}  // namespace pg::wire
