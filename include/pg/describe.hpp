// What reflection is told instead of finding it: the fields of classes that it cannot see through; and enumerators.
#pragma once

#include "pg/reflect.hpp"

namespace pg::reflect {
namespace detail {

template <auto Value>
constexpr const char* value_signature() {
    return __PRETTY_FUNCTION__;
}
// An enumerator without a name is printed as a cast of a number.
constexpr std::string_view enumerator_in(std::string_view text) {
    const std::string_view name = last_identifier(text);
    return name.empty() || (name[0] >= '0' && name[0] <= '9') ? std::string_view{} : name;
}

template <class M>
struct MemberPointer;
template <class C, class V>
struct MemberPointer<V C::*> {
    using owner = C;
    using value = V;
};

}  // namespace detail

/// A field by a pointer to it; works for every class, and instantiates nothing of it.
template <auto Member>
    requires std::is_member_object_pointer_v<decltype(Member)>
struct column {
    using owner = typename detail::MemberPointer<decltype(Member)>::owner;       ///< the class that has it
    using value_type = typename detail::MemberPointer<decltype(Member)>::value;  ///< the field's type
    /// The member's own name.
    static constexpr std::string_view name = detail::last_identifier(detail::value_signature<Member>());
};

/// The fields of a class that cannot be seen through: one with a base class, private members or constructors.
/// Returned by its `static consteval auto pg_fields()`, or named by `describe`.
template <auto... Member>
struct fields {
    static constexpr std::size_t size = sizeof...(Member);  ///< how many
    /// In the order that they were given.
    static constexpr std::array<std::string_view, size> names{column<Member>::name...};
    /// The type of field number `I`.
    template <std::size_t I>
    using type = std::remove_pointer_t<decltype(detail::at<I>(
        detail::Flat<std::make_index_sequence<size>, typename column<Member>::value_type*...>{}))>;
    /// Calls `f` with references to all fields of `object`; gives what it gives.
    template <class T, class F>
    static constexpr decltype(auto) with(T& object, F&& f) {
        return f(object.*Member...);
    }
};

/// The name of an enumerator; empty for a value without one.
template <auto Value>
    requires std::is_enum_v<decltype(Value)>
inline constexpr std::string_view enumerator_name = detail::enumerator_in(detail::value_signature<Value>());

}  // namespace pg::reflect
