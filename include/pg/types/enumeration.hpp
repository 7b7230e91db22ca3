// PostgreSQL enums as C++ enumerations, their labels found by reflection, and labels that no enumeration knows.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "pg/describe.hpp"
#include "pg/types/nested.hpp"

namespace pg {
namespace detail {

[[nodiscard]] PGCLIENT_API bool accepts_enum(const WireType& type, std::string_view name);
/// The index of the label in a cell, whose binary form is its text.
[[nodiscard]] PGCLIENT_API Fault find_label(const Cell& cell, std::span<const std::string_view> labels,
                                            std::size_t& index);

/// As many enumerators as have a name, from zero on, and no more than there may be.
template <class E, std::size_t N>
consteval std::size_t count_enumerators() {
    constexpr auto last = static_cast<std::uintmax_t>(std::numeric_limits<std::underlying_type_t<E>>::max());
    if constexpr (N <= last)
        if constexpr (!reflect::enumerator_name<static_cast<E>(N)>.empty()) return count_enumerators<E, N + 1>();
    return N;
}

}  // namespace detail

/// What makes an enumeration an enum type. Its codec derives from it and names the type:
///
///     enum class Mood { sad, ok, happy };
///     template <>
///     struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
///         static constexpr TypeId type{{}, {}, "mood"};
///     };
///
/// The labels are the names of the enumerators, which count from zero without a gap, and, where the enumeration is no
/// `enum class`, have an underlying type that is written down. Other labels, or other values, are
/// listed in the codec: `static constexpr std::pair<Mood, std::string_view> labels[]{{Mood::ok, "so so"}, ...};`.
/// A label without enumerator, or an enumerator without label, is an error. As an argument it travels as text.
template <class E>
struct EnumCodec {
    static_assert(std::is_enum_v<E>);

    /// As `pg::Codec` says. @{
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return detail::accepts_enum(wire, Codec<E>::type.name); }
    static Fault decode(const Cell& cell, const WireType&, E& out) {
        std::size_t index = 0;
        if (Fault fault = detail::find_label(cell, texts<>, index)) return fault;
        if constexpr (requires { Codec<E>::labels; })
            out = Codec<E>::labels[index].first;
        else
            out = static_cast<E>(index);
        return {};
    }
    static Fault encode(Writer& out, E value) {
        if constexpr (requires { Codec<E>::labels; }) {
            for (const auto& [enumerator, label] : Codec<E>::labels) {
                if (enumerator != value) continue;
                out.put(label);
                return {};
            }
        } else {
            const auto index = static_cast<std::size_t>(value);
            if (index < texts<>.size()) {
                out.put(texts<>[index]);
                return {};
            }
        }
        return {"value of an enumeration that has no label"};
    }
    static Fault encode_text(Writer& out, E value) { return encode(out, value); }
    /// @}

private:
    // A template, so that the codec is complete when its labels are looked for.
    template <class Enum = E>
    static constexpr auto texts = [] {
        if constexpr (requires { Codec<Enum>::labels; }) {
            std::array<std::string_view, std::size(Codec<Enum>::labels)> out{};
            for (std::size_t i = 0; i < out.size(); ++i) out[i] = Codec<Enum>::labels[i].second;
            return out;
        } else {
            constexpr std::size_t count = detail::count_enumerators<Enum, 0>();
            static_assert(count > 0, "no enumerator is zero: list the labels in the codec");
            return []<std::size_t... I>(std::index_sequence<I...>) {
                return std::array<std::string_view, count>{reflect::enumerator_name<static_cast<Enum>(I)>...};
            }(std::make_index_sequence<count>{});
        }
    }();
};

/// A label of any enum type. Value.
struct EnumLabel {
    std::string text;  ///< as the type has it

    friend bool operator==(const EnumLabel&, const EnumLabel&) = default;
};

template <>
struct Codec<EnumLabel> {
    static constexpr TypeId type{{}, {}, "anyenum"};
    static constexpr Format argument = Format::text;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, EnumLabel& out);
    PGCLIENT_API static Fault encode(Writer& out, const EnumLabel& value);
    static Fault encode_text(Writer& out, const EnumLabel& value) { return encode(out, value); }
};

}  // namespace pg
