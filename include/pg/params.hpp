// Params: the arguments of one statement, encoded.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "pg/scalar_codecs.hpp"

namespace pg {

/// Encoded arguments. One thread at a time.
/// How each type travels is `Codec<T>::argument`: in binary with its type, or as text whose type the server infers.
class PGCLIENT_API Params {
public:
    /// One argument. `length` is -1 for NULL, which has the format of a value.
    struct Slot {
        Oid type{};                    ///< zero where the server infers it
        Format format = Format::text;  ///< of its bytes
        std::int32_t length = -1;      ///< of its bytes
        std::uint32_t offset = 0;      ///< of its bytes in `values()`
    };
    /// What all arguments together may have: a Bind message has their formats and a name, too.
    static constexpr std::size_t max_value_size = pg::max_value_size - 256 * 1024;

    Params() = default;
    /// With room for so many slots and, behind them, so many bytes, aligned for the slots. Borrows it.
    Params(char* room, std::size_t slots, std::size_t bytes)
        : bytes_(room + slots * sizeof(Slot), bytes), slots_(reinterpret_cast<Slot*>(room)), capacity_(slots) {}

    /// Appends one argument; a fault, or what a codec throws, leaves the arguments as they were.
    template <class T>
    [[nodiscard]] Fault add(const T& value) {
        if (count_ == capacity_) [[unlikely]]
            grow();
        if constexpr (std::is_same_v<T, std::nullptr_t> || std::is_same_v<T, std::nullopt_t>) {
            return add_null<T>();
        } else if constexpr (detail::is_optional<T>) {
            return value ? add(*value) : add_null<typename T::value_type>();
        } else if constexpr (std::is_convertible_v<const T&, const char*>) {
            const char* text = value;
            return text ? add_text(text) : add(nullptr);
        } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
            return add_text(value);
        } else if constexpr (detail::Copied<T> || std::is_same_v<T, bool>) {
            char* const room = bytes_.claim(sizeof(std::int32_t) + sizeof(T));
            detail::store_big_endian(room, static_cast<std::int32_t>(sizeof(T)));
            detail::store_big_endian(room + sizeof(std::int32_t), value);
            return finish(bytes_.size() - sizeof(T), type_of<T>(), Format::binary);
        } else {
            static_assert(Scalar<T>,
                          "this type cannot be an argument: include its header from pg/types, or specialise pg::Codec");
            const std::size_t start = begin_value();
            try {
                Fault fault;
                if constexpr (Codec<T>::argument == Format::binary)
                    fault = Codec<T>::encode(bytes_, value);
                else
                    fault = Codec<T>::encode_text(bytes_, value);
                return fault ? undo(start, fault) : end_value(start, type_of<T>(), Codec<T>::argument);
            } catch (...) {
                static_cast<void>(undo(start, {}));
                throw;
            }
        }
    }

    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    /// The arguments in order; `index` must be below `size()`. @{
    [[nodiscard]] const Slot& operator[](std::size_t index) const { return slots_[index]; }
    [[nodiscard]] const Slot* begin() const { return slots_; }
    [[nodiscard]] const Slot* end() const { return slots_ + count_; }  /// @}
    /// All of them as a Bind message has them: each behind its length, four bytes in network order.
    [[nodiscard]] std::string_view values() const { return bytes_.bytes(); }
    /// The bytes of an argument; null for NULL.
    [[nodiscard]] const char* data(const Slot& slot) const {
        return slot.length < 0 ? nullptr : bytes_.data() + slot.offset;
    }

    /// Sends every number as the literal that it would be in the statement, with that literal's type: `int4`, or `int8`
    /// where it needs that, or `numeric`; a NULL has none. False, and nothing is changed, when that changes no type or
    /// all would have more bytes than `limit`.
    bool retype_numbers(std::size_t limit = max_value_size);

    /// Forgets the arguments and keeps the room.
    void clear();

private:
    // The type that an argument declares, its value there or not: of a text, one that its codec insists on (pg::as).
    template <class T>
    static constexpr Oid type_of() {
        if constexpr (requires { requires Codec<T>::argument == Format::binary; })
            return Codec<T>::type.oid;
        else if constexpr (requires { Codec<T>::argument_type; })
            return Codec<T>::argument_type;
        else
            return Oid{};
    }
    Fault add_slot(const Slot& slot) {
        ::new (slots_ + count_++) Slot(slot);
        return {};
    }
    template <class T>
    Fault add_null() {
        constexpr bool in_binary = requires { requires Codec<T>::argument == Format::binary; };
        bytes_.put(std::int32_t{-1});
        return add_slot({type_of<T>(), in_binary ? Format::binary : Format::text});
    }
    Fault add_text(std::string_view text);
    /// A value whose bytes are written next, from `start` on, and then end. @{
    [[nodiscard]] std::size_t begin_value() {
        static_cast<void>(bytes_.claim(sizeof(std::int32_t)));
        return bytes_.size();
    }
    Fault end_value(std::size_t start, Oid type, Format format) {
        bytes_.patch(start - sizeof(std::int32_t), static_cast<std::int32_t>(bytes_.size() - start));
        return finish(start, type, format);
    }  /// @}
    Fault finish(std::size_t start, Oid type, Format format) {
        if (bytes_.size() > max_value_size) [[unlikely]]
            return undo(start, {"arguments of more than 1 GiB: use COPY or a large object"});
        return add_slot(
            {type, format, static_cast<std::int32_t>(bytes_.size() - start), static_cast<std::uint32_t>(start)});
    }
    Fault undo(std::size_t start, Fault fault) {
        bytes_.truncate(start - sizeof(std::int32_t));
        return fault;
    }
    void grow();

    Writer bytes_;
    std::unique_ptr<Slot[]> more_;
    Slot* slots_ = nullptr;  // in the owner's room, where each becomes one when it is added, or those
    std::size_t count_ = 0;
    std::size_t capacity_ = 0;
};

/// The same, of which the first ones need no heap.
template <std::size_t first_slots = 16, std::size_t first_bytes = 256>
struct InlineParams final : Params {
    InlineParams() : Params(room_, first_slots, first_bytes) {}

private:
    alignas(Slot) char room_[first_slots * sizeof(Slot) + first_bytes];
};

}  // namespace pg
