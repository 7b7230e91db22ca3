// Secret: where the bytes live and how they are wiped.
#include "pg/secret.hpp"

#include <algorithm>
#include <string.h>  // explicit_bzero
#include <utility>

namespace pg {

Secret::Secret(std::string_view bytes) : bytes_(std::make_unique<char[]>(bytes.size() + 1)), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
}

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
}

Secret::~Secret() {
    if (bytes_) explicit_bzero(bytes_.get(), size_);
}

bool operator==(const Secret& a, const Secret& b) noexcept {
    if (a.size_ != b.size_) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size_; ++i)
        difference |= static_cast<unsigned char>(a.bytes_[i]) ^ static_cast<unsigned char>(b.bytes_[i]);
    return difference == 0;
}

}  // namespace pg
