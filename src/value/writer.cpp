// Writer: what happens when the inline room is not enough.
#include <algorithm>

#include "pg/codec.hpp"

namespace pg {

Writer::~Writer() {
    if (begin_ != inline_) delete[] begin_;
}

void Writer::grow(std::size_t count) {
    const std::size_t used = size();
    const std::size_t capacity = std::max(used + count, 2 * static_cast<std::size_t>(limit_ - begin_));
    char* room = new char[capacity];
    std::memcpy(room, begin_, used);
    if (begin_ != inline_) delete[] begin_;
    begin_ = room;
    end_ = room + used;
    limit_ = room + capacity;
}

}  // namespace pg
