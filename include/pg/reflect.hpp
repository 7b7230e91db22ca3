// Fields of a struct by reflection: their number, names and types, and references to those of an object. No macros.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace pg::reflect {

inline constexpr std::size_t max_fields = 64;  ///< of a struct that is seen through

namespace detail {

// 1. Count. `T{{}, {}, ...}` with N braces is accepted exactly for N <= fields, so a binary search does.
//    Where `{}` cannot build a member, objects that convert to anything are counted instead, one by one.

// Converts to every type but the aggregate itself, which would mean "copy". By value: immovable members work too.
template <class Owner>
struct Placeholder {
    template <class U>
        requires(!std::is_same_v<U, Owner> && !std::is_base_of_v<U, Owner>)
    operator U() const;
};
// Converts to a proper base class only: an aggregate that takes it first is derived from something.
template <class Owner>
struct BasePlaceholder {
    template <class U>
        requires(!std::is_same_v<U, Owner> && std::is_base_of_v<U, Owner>)
    operator U() const;
};
// Keeps a first member that swallows anything (std::any) from looking like a base.
struct Unrelated {};
template <class T>
inline constexpr bool has_base = requires { T{BasePlaceholder<T>{}}; } && !requires { T{Unrelated{}}; };

template <class T, std::size_t>
using PlaceholderAt = Placeholder<T>;

template <class T, class Seq>
inline constexpr bool takes = false;
template <class T, std::size_t... I>
inline constexpr bool takes<T, std::index_sequence<I...>> = requires { T{PlaceholderAt<T, I>{}...}; };

// Some placeholders, then `{}`, then some: does the element in the middle own exactly one initializer?
template <class T, class Before, class After>
inline constexpr bool braced = false;
template <class T, std::size_t... B, std::size_t... A>
inline constexpr bool braced<T, std::index_sequence<B...>, std::index_sequence<A...>> =
    requires { T{PlaceholderAt<T, B>{}..., {}, PlaceholderAt<T, A>{}...}; };

// The accepted numbers of placeholders form one run [m, flat], m unknown.
template <class T, std::size_t N, bool Found>
consteval std::size_t flat_count() {
    constexpr bool taken = takes<T, std::make_index_sequence<N>>;
    if constexpr (N > 4 * max_fields || (Found && !taken))
        return Found ? N - 1 : 0;
    else
        return flat_count<T, N + 1, taken>();
}
// A C array takes several placeholders by brace elision; each array is folded back to one field.
template <class T, std::size_t At, std::size_t Width, std::size_t Flat>
consteval std::size_t width_at() {
    if constexpr (At + Width > Flat)
        return 1;  // `{}` fits nowhere: it has no default, hence is no array of plain elements
    else if constexpr (braced<T, std::make_index_sequence<At>, std::make_index_sequence<Flat - At - Width>>)
        return Width;
    else
        return width_at<T, At, Width + 1, Flat>();
}
template <class T, std::size_t At, std::size_t Flat>
consteval std::size_t fold_arrays() {
    if constexpr (At >= Flat)
        return 0;
    else
        return 1 + fold_arrays<T, At + width_at<T, At, 1, Flat>(), Flat>();
}

// 2. Bind. One specialisation for each number of fields.
template <std::size_t N>
struct Arity;

// clang-format off
#define PGCLIENT_LIST(...) __VA_ARGS__
#define PGCLIENT_ARITY(N, BRACES, ...)                                               \
    template <>                                                                      \
    struct Arity<N> {                                                                \
        template <class T>                                                           \
        static constexpr bool fits = requires { T{BRACES}; };                        \
        template <class T>                                                           \
        static constexpr bool fits_more = requires { T{BRACES, Placeholder<T>{}}; }; \
        template <class T, class F>                                                  \
        [[gnu::always_inline]] static constexpr decltype(auto) with(T& object, F&& f) { \
            auto& [__VA_ARGS__] = object;                                            \
            return f(__VA_ARGS__);                                                   \
        }                                                                            \
    };
#define PGCLIENT_B {}, {}, {}, {}, {}, {}, {}, {},
#define PGCLIENT_F(A) A##0, A##1, A##2, A##3, A##4, A##5, A##6, A##7,
// The next eight: the braces (B) and fields (F) before them, and the letter of their names.
#define PGCLIENT_ARITIES(N, BRACES, NAMES, A)                                                                       \
    PGCLIENT_ARITY(N + 1, PGCLIENT_LIST(BRACES {}), NAMES A##0)                                                     \
    PGCLIENT_ARITY(N + 2, PGCLIENT_LIST(BRACES {}, {}), NAMES A##0, A##1)                                           \
    PGCLIENT_ARITY(N + 3, PGCLIENT_LIST(BRACES {}, {}, {}), NAMES A##0, A##1, A##2)                                 \
    PGCLIENT_ARITY(N + 4, PGCLIENT_LIST(BRACES {}, {}, {}, {}), NAMES A##0, A##1, A##2, A##3)                       \
    PGCLIENT_ARITY(N + 5, PGCLIENT_LIST(BRACES {}, {}, {}, {}, {}), NAMES A##0, A##1, A##2, A##3, A##4)             \
    PGCLIENT_ARITY(N + 6, PGCLIENT_LIST(BRACES {}, {}, {}, {}, {}, {}), NAMES A##0, A##1, A##2, A##3, A##4, A##5)   \
    PGCLIENT_ARITY(N + 7, PGCLIENT_LIST(BRACES {}, {}, {}, {}, {}, {}, {}),                                         \
                   NAMES A##0, A##1, A##2, A##3, A##4, A##5, A##6)                                                  \
    PGCLIENT_ARITY(N + 8, PGCLIENT_LIST(BRACES {}, {}, {}, {}, {}, {}, {}, {}),                                     \
                   NAMES A##0, A##1, A##2, A##3, A##4, A##5, A##6, A##7)
PGCLIENT_ARITIES(0, , , a)
PGCLIENT_ARITIES(8, PGCLIENT_B, PGCLIENT_F(a), b)
PGCLIENT_ARITIES(16, PGCLIENT_B PGCLIENT_B, PGCLIENT_F(a) PGCLIENT_F(b), c)
PGCLIENT_ARITIES(24, PGCLIENT_B PGCLIENT_B PGCLIENT_B, PGCLIENT_F(a) PGCLIENT_F(b) PGCLIENT_F(c), d)
PGCLIENT_ARITIES(32, PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B,
                 PGCLIENT_F(a) PGCLIENT_F(b) PGCLIENT_F(c) PGCLIENT_F(d), e)
PGCLIENT_ARITIES(40, PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B,
                 PGCLIENT_F(a) PGCLIENT_F(b) PGCLIENT_F(c) PGCLIENT_F(d) PGCLIENT_F(e), f)
PGCLIENT_ARITIES(48, PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B,
                 PGCLIENT_F(a) PGCLIENT_F(b) PGCLIENT_F(c) PGCLIENT_F(d) PGCLIENT_F(e) PGCLIENT_F(f), g)
PGCLIENT_ARITIES(56, PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B PGCLIENT_B,
                 PGCLIENT_F(a) PGCLIENT_F(b) PGCLIENT_F(c) PGCLIENT_F(d) PGCLIENT_F(e) PGCLIENT_F(f) PGCLIENT_F(g), h)
#undef PGCLIENT_LIST
#undef PGCLIENT_ARITY
#undef PGCLIENT_B
#undef PGCLIENT_F
#undef PGCLIENT_ARITIES
// clang-format on

template <class T, std::size_t Low, std::size_t High>  // fits<Low>, not fits<High>
consteval std::size_t search() {
    if constexpr (High - Low == 1)
        return Low;
    else if constexpr (constexpr std::size_t middle = Low + (High - Low) / 2; Arity<middle>::template fits<T>)
        return search<T, middle, High>();
    else
        return search<T, Low, middle>();
}
template <class T, std::size_t High>
consteval std::size_t gallop() {
    if constexpr (High > max_fields)
        return search<T, High / 2, max_fields + 1>();
    else if constexpr (Arity<High>::template fits<T>)
        return gallop<T, High * 2>();
    else
        return search<T, High / 2, High>();
}
template <class T>
consteval std::size_t quick_count() {
    if constexpr (Arity<1>::fits<T>) {
        constexpr std::size_t n = gallop<T, 2>();
        // A member that has an initializer but takes no `{}` stops the search early: is there one more?
        return Arity<n>::template fits_more<T> ? 0 : n;
    } else {
        return 0;
    }
}
template <class T>
consteval std::size_t count() {
    if constexpr (constexpr std::size_t quick = quick_count<T>(); quick > 0) {
        return quick;
    } else {
        constexpr std::size_t n = fold_arrays<T, 0, flat_count<T, 0, false>()>();
        static_assert(n > 0, "the fields of this type cannot be counted: has it a reference member?");
        static_assert(n <= max_fields, "this type has more than 64 fields: describe it by pointers to members");
        return n;
    }
}

// 3. Point. The fields of an object that is never built have addresses that are constant expressions. It lies in
//    a union, so nothing of T runs; nothing is written through the cast that takes its const away.
template <class T>
union Unbuilt {
    char none;
    T value;
    constexpr Unbuilt() noexcept : none{} {}
    constexpr ~Unbuilt() {}
};
template <class T>
struct Ghost {
#if defined(__clang__)  // emits nothing for it, and its older versions refuse a constexpr variable of such a union
    static Unbuilt<T> object;
};
template <class T>
Unbuilt<T> Ghost<T>::object{};
#else  // emits an exit handler unless it is constexpr
    static constexpr Unbuilt<T> object{};
};
#endif

// Clang before 18 accepts a pointer to a part of an object as a template argument only inside a struct.
template <class P>
struct Target {
    P* at;
};
template <class P>
Target(P*) -> Target<P>;

// 4. Read. The name is the last identifier of the signature. That returns `const char*`, for gcc ends the text with
//    the aliases that the signature uses, and "std::string_view = ..." would follow the name.
template <Target Where>
constexpr const char* signature() {
    return __PRETTY_FUNCTION__;
}
constexpr bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}
constexpr std::string_view last_identifier(std::string_view text) {
    std::size_t end = text.size();
    while (end > 0 && !is_word(text[end - 1])) --end;
    std::size_t begin = end;
    while (begin > 0 && is_word(text[begin - 1])) --begin;
    return text.substr(begin, end - begin);
}
// A flat tuple of pointers: constant depth, far cheaper to instantiate than std::tuple.
template <std::size_t I, class P>
struct Leaf {
    P pointer;
};
template <class Seq, class... P>
struct Flat;
template <std::size_t... I, class... P>
struct Flat<std::index_sequence<I...>, P...> : Leaf<I, P>... {};
template <std::size_t I, class P>
constexpr P at(const Leaf<I, P>& leaf) {
    return leaf.pointer;
}

template <class T>
inline constexpr std::size_t field_count = count<T>();
template <class T>
inline constexpr auto pointers =
    Arity<field_count<T>>::with(const_cast<T&>(Ghost<T>::object.value), [](auto&... field) {
        return Flat<std::index_sequence_for<decltype(field)...>, std::remove_reference_t<decltype(field)>*...>{
            {__builtin_addressof(field)}...};
    });

// All names of a type in one constant, each followed by a zero: no signature ends up in the program.
template <class T, class Seq = std::make_index_sequence<field_count<T>>>
struct Names;
template <class T, std::size_t... I>
struct Names<T, std::index_sequence<I...>> {
    static constexpr std::array<std::string_view, sizeof...(I)> found{
        last_identifier(signature<Target{at<I>(pointers<T>)}>())...};
    static constexpr auto text = [] {
        std::array<char, ((found[I].size() + 1) + ...)> out{};
        std::size_t end = 0;
        for (std::string_view name : found) {
            for (char c : name) out[end++] = c;
            ++end;
        }
        return out;
    }();
    static constexpr auto value = [] {
        std::array<std::string_view, sizeof...(I)> out{};
        std::size_t start = 0;
        for (std::size_t i = 0; i < out.size(); start += found[i++].size() + 1)
            out[i] = std::string_view(text.data() + start, found[i].size());
        return out;
    }();
};

// What `fields` says of a class, found instead of told.
template <class T>
struct Found {
    static constexpr std::size_t size = field_count<T>;
    static constexpr const auto& names = Names<T>::value;
    template <std::size_t I>
    using type = std::remove_pointer_t<decltype(at<I>(pointers<T>))>;
    template <class U, class F>
    [[gnu::always_inline]] static constexpr decltype(auto) with(U& object, F&& f) {
        return Arity<size>::with(object, std::forward<F>(f));
    }
};

}  // namespace detail

/// Specialise it, with `using list = fields<&T::a, ...>`, for a class of somebody else.
template <class T>
struct describe {};

template <class T>
concept described = requires { T::pg_fields(); } || requires { typename describe<T>::list; };
/// A struct whose fields are found: an aggregate without base classes.
template <class T>
concept reflectable = std::is_class_v<T> && std::is_aggregate_v<T> && !std::is_empty_v<T> && !detail::has_base<T>;
/// What the library takes as a row or a composite: 1 to 64 fields, found or described.
template <class T>
concept mapped = described<T> || reflectable<T>;

namespace detail {

template <class T>
consteval auto fields_of() {
    if constexpr (requires { T::pg_fields(); })
        return std::type_identity<decltype(T::pg_fields())>{};
    else if constexpr (requires { typename describe<T>::list; })
        return std::type_identity<typename describe<T>::list>{};
    else
        return std::type_identity<Found<T>>{};
}
template <class T>
using FieldsOf = typename decltype(fields_of<T>())::type;

}  // namespace detail

template <mapped T>
inline constexpr std::size_t size = detail::FieldsOf<T>::size;  ///< how many fields there are

/// The names in order, a `std::array<std::string_view, size<T>>`.
template <mapped T>
inline constexpr const auto& field_names = detail::FieldsOf<T>::names;

/// The declared type of a field: const and arrays kept, as written in the struct.
template <mapped T, std::size_t I>
using field_type = typename detail::FieldsOf<T>::template type<I>;

/// Calls `f(field&...)` with all fields at once.
template <class T, class F>
    requires mapped<std::remove_const_t<T>>
[[gnu::always_inline]] constexpr decltype(auto) with_fields(T& object, F&& f) {
    return detail::FieldsOf<std::remove_const_t<T>>::with(object, std::forward<F>(f));
}

/// Calls `f(std::integral_constant<std::size_t, I>, name, field&)` for each field in order.
template <class T, class F>
    requires mapped<std::remove_const_t<T>>
constexpr void for_each_field(T& object, F&& f) {
    with_fields(object, [&](auto&... field) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (f(std::integral_constant<std::size_t, I>{}, field_names<std::remove_const_t<T>>[I], field), ...);
        }(std::make_index_sequence<sizeof...(field)>{});
    });
}

}  // namespace pg::reflect
