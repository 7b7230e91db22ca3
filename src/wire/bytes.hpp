// Bytes in network order: reading them within bounds, and a growing run of them to be sent.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "src/wire/chunk.hpp"

namespace pg::wire {

/// An unsigned or signed integer of 1, 2, 4 or 8 bytes, from or to network order. Unchecked. @{
template <class T>
[[nodiscard]] T load(const char* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) {
        if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
        if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
        if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
    }
    return value;
}
template <class T>
void store(char* to, T value) noexcept {
    value = load<T>(reinterpret_cast<const char*>(&value));
    std::memcpy(to, &value, sizeof value);
}  /// @}

/// Copies two words, which may overlap each other.
template <class Word>
void store_ends(char* to, std::string_view bytes) noexcept {
    Word first, last;
    const std::size_t last_at = bytes.size() - sizeof(Word);
    std::memcpy(&first, bytes.data(), sizeof first);
    std::memcpy(&last, bytes.data() + last_at, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + last_at, &last, sizeof last);
}
/// Copies bytes; where the next ones go. A few, as most values and names have, are not worth a call.
[[nodiscard]] inline char* store_bytes(char* to, std::string_view bytes) noexcept {
    const std::size_t size = bytes.size();
    if (size > 16)
        std::memcpy(to, bytes.data(), size);
    else if (size >= 8)
        store_ends<std::uint64_t>(to, bytes);
    else if (size >= 4)
        store_ends<std::uint32_t>(to, bytes);
    else if (size >= 2)
        store_ends<std::uint16_t>(to, bytes);
    else if (size == 1)
        *to = bytes.front();
    return to + size;
}

/// Reads a body front to back. Nothing is read past its end: what does not fit fails the cursor, which then gives
/// zeroes and empty texts, so that a reader checks once, behind its last field.
class Cursor {
public:
    explicit Cursor(std::string_view body) noexcept : at_(body.data()), end_(body.data() + body.size()) {}

    template <class T>
    [[nodiscard]] T take() noexcept {
        if (left() < sizeof(T)) return fail(), T{};
        const T value = load<T>(at_);
        at_ += sizeof(T);
        return value;
    }
    [[nodiscard]] std::string_view bytes(std::size_t count) noexcept {
        if (left() < count) return fail(), std::string_view();
        return {std::exchange(at_, at_ + count), count};
    }
    /// A text up to its zero byte, which is passed over.
    [[nodiscard]] std::string_view text() noexcept {
        const void* zero = left() != 0 ? std::memchr(at_, '\0', left()) : nullptr;
        if (zero == nullptr) return fail(), std::string_view();
        const std::string_view found(at_, static_cast<std::size_t>(static_cast<const char*>(zero) - at_));
        at_ += found.size() + 1;
        return found;
    }
    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    /// Nothing failed so far. @{
    [[nodiscard]] bool good() const noexcept { return good_; }
    /// And nothing is left.
    [[nodiscard]] bool done() const noexcept { return good_ && at_ == end_; }  /// @}
    void fail() noexcept {
        good_ = false;
        at_ = end_;
    }

private:
    const char* at_;
    const char* end_;
    bool good_ = true;
};

/// Bytes on their way out. They are appended behind and taken off in front. A few have room of their own, more of them
/// have chunks of the process until `release`. One thread at a time.
class PGCLIENT_API SendBuffer {
public:
    SendBuffer() = default;
    SendBuffer(const SendBuffer&) = delete;
    SendBuffer& operator=(const SendBuffer&) = delete;

    /// Room for `count` more bytes, to be filled by the caller before the next call.
    [[nodiscard]] char* claim(std::size_t count) {
        if (static_cast<std::size_t>(limit_ - end_) < count) [[unlikely]]
            grow(count);
        return std::exchange(end_, end_ + count);
    }
    template <class T>
    void put(T value) {
        store(claim(sizeof value), value);
    }
    void put_bytes(std::string_view bytes) { static_cast<void>(store_bytes(claim(bytes.size()), bytes)); }
    /// With a zero byte behind it.
    void put_text(std::string_view text) { *store_bytes(claim(text.size() + 1), text) = '\0'; }

    /// Begins a message; what it returns goes to `end`, which writes the length. Nothing of it is sent in between. @{
    template <class Type>
    [[nodiscard]] std::size_t begin(Type type) {
        *claim(1) = static_cast<char>(type);
        return begin();
    }
    /// One without a type: a startup packet.
    [[nodiscard]] std::size_t begin() {
        const std::size_t length_at = position();
        static_cast<void>(claim(4));
        return length_at;
    }
    void end(std::size_t length_at) {
        store(begin_ + (length_at - gone_), static_cast<std::uint32_t>(position() - length_at));
    }  /// @}

    [[nodiscard]] bool empty() const { return sent_ == end_; }
    [[nodiscard]] std::string_view unsent() const { return {sent_, static_cast<std::size_t>(end_ - sent_)}; }
    /// The first `count` of the unsent bytes are gone.
    void sent(std::size_t count) {
        sent_ += count;
        if (sent_ == end_) clear();
    }
    /// Forgets all bytes, sent or not.
    void clear() { sent_ = end_ = begin_; }
    /// Gives back the room that an idle connection is not meant to hold.
    void release() noexcept {
        if (chunk_ && empty()) [[unlikely]]
            drop_chunk();
    }

private:
    /// Of the end, whatever has made room since.
    [[nodiscard]] std::size_t position() const { return gone_ + static_cast<std::size_t>(end_ - begin_); }
    void grow(std::size_t count);
    void drop_chunk() noexcept;

    static constexpr std::size_t own_size = 496;  // 512 with what malloc puts before it
    std::unique_ptr<char[]> own_;
    ChunkRef chunk_;  ///< that the bytes are in, unless they are in that
    char* begin_ = nullptr;
    char* sent_ = nullptr;
    char* end_ = nullptr;
    char* limit_ = nullptr;
    std::size_t gone_ = 0;  ///< bytes that were sent and have made room, ever
};

}  // namespace pg::wire
