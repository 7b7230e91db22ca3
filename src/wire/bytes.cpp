// Growth of what is to be sent.
#include "src/wire/bytes.hpp"

#include <algorithm>

namespace pg::wire {

void SendBuffer::grow(std::size_t count) {
    const std::string_view left = unsent();
    const auto room = static_cast<std::size_t>(limit_ - begin_);
    const auto sent_bytes = static_cast<std::size_t>(sent_ - begin_);
    // Whoever fills it while it is being sent makes it no larger than what is unsent needs.
    if (left.size() + count <= room / 2) {
        std::memmove(begin_, left.data(), left.size());
    } else {
        const std::size_t larger_room = std::max({kept, 2 * room, left.size() + count});
        auto larger = std::make_unique_for_overwrite<char[]>(larger_room);
        if (!left.empty()) std::memcpy(larger.get(), left.data(), left.size());
        owned_ = std::move(larger);
        begin_ = owned_.get();
        limit_ = begin_ + larger_room;
    }
    sent_ = begin_;
    end_ = begin_ + left.size();
    gone_ += sent_bytes;
}

void SendBuffer::release() {
    if (!empty() || static_cast<std::size_t>(limit_ - begin_) <= kept) return;
    owned_.reset();
    begin_ = sent_ = end_ = limit_ = nullptr;
}

}  // namespace pg::wire
