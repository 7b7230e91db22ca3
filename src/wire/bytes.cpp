// Growth of what is to be sent.
#include "src/wire/bytes.hpp"

#include <algorithm>

namespace pg::wire {

void SendBuffer::grow(std::size_t count) {
    const std::string_view left = unsent();
    const auto room = static_cast<std::size_t>(limit_ - begin_);
    const auto sent_bytes = static_cast<std::size_t>(sent_ - begin_);
    const std::size_t needed = left.size() + count;
    // Whoever fills it while it is being sent makes it no larger than what is unsent needs.
    if (needed <= room / 2) {
        std::memmove(begin_, left.data(), left.size());
    } else if (!own_ && needed <= own_size) {
        own_ = std::make_unique_for_overwrite<char[]>(own_size);
        begin_ = own_.get();
        limit_ = begin_ + own_size;
    } else {
        ChunkRef larger = process_chunks().lend(std::max(2 * room, needed));
        if (!left.empty()) std::memcpy(larger->data(), left.data(), left.size());
        chunk_ = std::move(larger);
        begin_ = chunk_->data();
        limit_ = begin_ + chunk_->size();
    }
    sent_ = begin_;
    end_ = begin_ + left.size();
    gone_ += sent_bytes;
}

void SendBuffer::drop_chunk() noexcept {
    chunk_ = {};
    begin_ = sent_ = end_ = own_.get();
    limit_ = begin_ ? begin_ + own_size : nullptr;
}

}  // namespace pg::wire
