// What tests of codecs share: values to bytes and back, and every way that bytes can be cut short.
#pragma once

#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <string_view>

#include "pg/catalog.hpp"
#include "pg/codec.hpp"

namespace codec_check {

/// What became of some bytes: a value, or the reason why there is none.
template <class T>
struct Decoded {
    std::optional<T> value;
    std::string reason;
};

template <class T>
Decoded<T> decode(std::string_view bytes, const pg::WireType& type) {
    // A copy of exactly these bytes, so that a sanitizer sees a read behind them.
    const std::unique_ptr<char[]> copy(new char[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), copy.get());
    T value{};
    const pg::Cell cell{copy.get(), static_cast<std::int32_t>(bytes.size())};
    if (const pg::Fault fault = pg::Codec<T>::decode(cell, type, value)) return {std::nullopt, fault.reason};
    return {std::move(value), ""};
}
template <class T>
Decoded<T> decode_binary(std::string_view bytes, pg::Oid type, const pg::TypeCatalog* types = nullptr) {
    return decode<T>(bytes, {type, pg::Format::binary, types});
}
template <class T>
Decoded<T> decode_text(std::string_view text, pg::Oid type, const pg::TypeCatalog* types = nullptr) {
    return decode<T>(text, {type, pg::Format::text, types});
}

/// The binary or text form of a value, or "fault: " and the reason.
template <class T>
std::string binary(const T& value, const pg::TypeCatalog* types = nullptr) {
    pg::Writer out(types);
    if (const pg::Fault fault = pg::Codec<T>::encode(out, value)) return std::string("fault: ") + fault.reason;
    return std::string(out.bytes());
}
template <class T>
std::string text(const T& value) {
    pg::Writer out;
    if (const pg::Fault fault = pg::Codec<T>::encode_text(out, value)) return std::string("fault: ") + fault.reason;
    return std::string(out.bytes());
}

/// Expects both forms of a value to be read back as it.
template <class T>
void expect_round_trip(const T& value, pg::Oid type, const pg::TypeCatalog* types = nullptr) {
    const Decoded<T> from_binary = decode_binary<T>(binary(value, types), type, types);
    EXPECT_TRUE(from_binary.value == value) << "binary: " << from_binary.reason;
    const Decoded<T> from_text = decode_text<T>(text(value), type, types);
    EXPECT_TRUE(from_text.value == value) << "text: " << text(value) << " " << from_text.reason;
}

/// Expects the bytes to be read, but neither any beginning of them nor the bytes with one more behind them.
template <class T>
void expect_only_whole(const std::string& bytes, const pg::WireType& type) {
    EXPECT_EQ(decode<T>(bytes, type).reason, "");
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_NE(decode<T>(bytes.substr(0, size), type).reason, "") << "cut to " << size << " of " << bytes.size();
    EXPECT_NE(decode<T>(bytes + '\1', type).reason, "") << "one more byte";
}

/// Decodes the bytes with every byte replaced in turn by a few others: a sanitizer watches, the value may be any.
template <class T>
void expect_no_harm_from_damage(const std::string& bytes, const pg::WireType& type) {
    std::size_t refused = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        for (const char damage : {'\x00', '\x01', '\x7f', '\x80', '\xff'}) {
            std::string damaged = bytes;
            damaged[i] = damage;
            refused += decode<T>(damaged, type).value ? 0 : 1;
        }
    EXPECT_GT(refused, 0U);
}

/// Numbers in network order, one after another.
template <class... T>
std::string words(T... value) {
    pg::Writer out;
    (out.put(static_cast<std::int32_t>(value)), ...);
    return std::string(out.bytes());
}

}  // namespace codec_check
