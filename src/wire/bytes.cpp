// Growth of what is to be sent.
#include "src/wire/bytes.hpp"

#include <algorithm>

namespace pg::wire {

void SendBuffer::grow(std::size_t count) {
    const std::size_t used = size();
    const std::size_t sent = static_cast<std::size_t>(sent_ - begin_);
    const std::size_t capacity = std::max({kept, 2 * static_cast<std::size_t>(limit_ - begin_), used + count});
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (used != 0) std::memcpy(larger.get(), begin_, used);
    owned_ = std::move(larger);
    begin_ = owned_.get();
    sent_ = begin_ + sent;
    end_ = begin_ + used;
    limit_ = begin_ + capacity;
}

void SendBuffer::release() {
    if (!empty() || static_cast<std::size_t>(limit_ - begin_) <= kept) return;
    owned_.reset();
    begin_ = sent_ = end_ = limit_ = nullptr;
}

}  // namespace pg::wire
