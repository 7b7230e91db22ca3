// Reader: numbers and bytes off the front of a received value, never more than there are.
#pragma once

#include <string_view>

#include "pg/codec.hpp"

namespace pg::detail {

/// What is asked for beyond the end reads as zero, and from then on the reader has failed.
class Reader {
public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    template <class T>
    [[nodiscard]] T take() {
        const std::string_view bytes = take_bytes(sizeof(T));
        if (failed_) return T{};
        if constexpr (std::is_same_v<T, double>)
            return std::bit_cast<double>(load_big_endian<std::uint64_t>(bytes.data()));
        else
            return load_big_endian<T>(bytes.data());
    }
    [[nodiscard]] std::string_view take_bytes(std::size_t count) {
        if (count > left_.size()) {
            failed_ = true;
            left_ = {};
            return {};
        }
        const std::string_view bytes = left_.substr(0, count);
        left_.remove_prefix(count);
        return bytes;
    }
    /// A text that ends with a zero byte, without it.
    [[nodiscard]] std::string_view take_cstring() {
        const std::string_view text = take_bytes(left_.find('\0'));
        if (!failed_) left_.remove_prefix(1);
        return text;
    }
    /// The number of items that follow, each of at least `item_size` bytes; fails when they cannot all be there.
    [[nodiscard]] std::size_t take_count(std::size_t item_size) {
        const auto count = take<std::uint32_t>();
        if (count <= left_.size() / item_size) return count;
        failed_ = true;
        return 0;
    }

    [[nodiscard]] std::size_t left() const { return left_.size(); }
    [[nodiscard]] std::string_view bytes_left() const { return left_; }
    [[nodiscard]] bool failed() const { return failed_; }
    /// True when everything was there, and nothing is left.
    [[nodiscard]] bool finished() const { return !failed_ && left_.empty(); }

private:
    std::string_view left_;
    bool failed_ = false;
};

}  // namespace pg::detail
