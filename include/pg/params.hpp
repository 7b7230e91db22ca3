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
    /// One argument. `length` is -1 for NULL. A text argument is followed by a zero byte that `length` leaves out.
    struct Slot {
        Oid type{};                    ///< zero where the server infers it
        Format format = Format::text;  ///< of its bytes
        std::int32_t length = -1;      ///< of its bytes
        std::uint32_t offset = 0;      ///< of its bytes among those of all arguments
    };
    /// What all arguments together may have.
    static constexpr std::size_t max_value_size = pg::max_value_size;

    Params() = default;
    /// With room for so many slots and, behind them, so many bytes, aligned for the slots. Borrows it.
    Params(char* room, std::size_t slots, std::size_t bytes)
        : bytes_(room + slots * sizeof(Slot), bytes), slots_(reinterpret_cast<Slot*>(room)), capacity_(slots) {}

    /// Appends one argument; a fault leaves the arguments as they were.
    template <class T>
    [[nodiscard]] Fault add(const T& value) {
        if constexpr (std::is_same_v<T, std::nullptr_t> || std::is_same_v<T, std::nullopt_t>) {
            return add_slot({});
        } else if constexpr (detail::is_optional<T>) {
            return value ? add(*value) : add_slot({type_of<typename T::value_type>()});
        } else if constexpr (std::is_convertible_v<const T&, const char*>) {
            const char* text = value;
            return text ? add_text(text) : add(nullptr);
        } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
            return add_text(value);
        } else {
            static_assert(Scalar<T>,
                          "this type cannot be an argument: include its header from pg/types, or specialise pg::Codec");
            const std::size_t start = bytes_.size();
            Fault fault;
            if constexpr (Codec<T>::argument == Format::binary)
                fault = Codec<T>::encode(bytes_, value);
            else
                fault = Codec<T>::encode_text(bytes_, value);
            return fault ? undo(start, fault) : finish(start, type_of<T>(), Codec<T>::argument);
        }
    }

    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    /// The arguments in order; `index` must be below `size()`. @{
    [[nodiscard]] const Slot& operator[](std::size_t index) const { return slots_[index]; }
    [[nodiscard]] const Slot* begin() const { return slots_; }
    [[nodiscard]] const Slot* end() const { return slots_ + count_; }  /// @}
    /// Bytes of all arguments together, and the zero bytes behind texts.
    [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
    /// The bytes of an argument; null for NULL.
    [[nodiscard]] const char* data(const Slot& slot) const {
        return slot.length < 0 ? nullptr : bytes_.data() + slot.offset;
    }

    /// Sends every number as text whose type the server infers, as a literal in the statement would be.
    /// False when there is no number among the arguments.
    bool retype_numbers();

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
        if (count_ == capacity_) [[unlikely]]
            grow();
        ::new (slots_ + count_++) Slot(slot);
        return {};
    }
    Fault add_text(std::string_view text);
    Fault finish(std::size_t start, Oid type, Format format) {
        const std::size_t length = bytes_.size() - start;
        if (bytes_.size() > max_value_size) [[unlikely]]
            return undo(start, {"arguments of more than 1 GiB: use COPY or a large object"});
        if (format == Format::text) bytes_.put('\0');
        return add_slot({type, format, static_cast<std::int32_t>(length), static_cast<std::uint32_t>(start)});
    }
    Fault undo(std::size_t start, Fault fault) {
        bytes_.truncate(start);
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
