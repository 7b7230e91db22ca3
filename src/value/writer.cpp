// Writer: what happens when the room of its owner is not enough.
#include <algorithm>

#include "pg/codec.hpp"

namespace pg {
namespace {

constexpr std::size_t least_on_heap = 48;

}  // namespace

char Writer::nowhere = '\0';

Writer::~Writer() {
    if (begin_ != room_) delete[] begin_;
}

void Writer::grow(std::size_t count) {
    const std::size_t used = size();
    const std::size_t capacity = std::max({used + count, 2 * static_cast<std::size_t>(limit_ - begin_), least_on_heap});
    char* room = new char[capacity];
    std::memcpy(room, begin_, used);
    if (begin_ != room_) delete[] begin_;
    begin_ = room;
    end_ = room + used;
    limit_ = room + capacity;
}

}  // namespace pg
