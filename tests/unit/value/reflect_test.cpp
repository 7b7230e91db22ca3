// Reflection finds the fields of structs: their number, names, types and places.
#include <any>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pg/describe.hpp"

namespace reflect = pg::reflect;

namespace {

enum class Mood : std::uint8_t { sad, ok, happy };

struct Point {
    double x, y;
};

struct User {
    std::int64_t id = 0;
    std::string email;
    std::optional<std::string> nickname;
    std::optional<int> age;
    std::vector<std::string> tags;
    std::chrono::sys_time<std::chrono::microseconds> created_at;
    std::chrono::year_month_day born;
    std::chrono::seconds ttl{5};
    std::variant<int, std::string> either;
    Mood feeling = Mood::ok;
    Point where;
    std::array<unsigned char, 16> uuid;
    std::unique_ptr<int> owned;
    std::map<std::string, int> bag;
    const int fixed = 3;
    static constexpr int first_id = 1;
    [[nodiscard]] int twice() const { return 2 * fixed * first_id; }
};

TEST(Reflect, CountsAndNamesFieldsOfEveryKindOfType) {
    static_assert(reflect::size<User> == 15);
    EXPECT_EQ(reflect::field_names<User>[0], "id");
    EXPECT_EQ(reflect::field_names<User>[5], "created_at");
    EXPECT_EQ(reflect::field_names<User>[14], "fixed");
}

TEST(Reflect, EndsEachNameWithAZero) {
    const std::string_view name = reflect::field_names<User>[1];
    EXPECT_STREQ(name.data(), "email");
}

TEST(Reflect, KeepsTheDeclaredTypes) {
    static_assert(std::is_same_v<reflect::field_type<User, 2>, std::optional<std::string>>);
    static_assert(std::is_same_v<reflect::field_type<User, 14>, const int>);
    static_assert(std::is_same_v<reflect::field_type<User, 13>, std::map<std::string, int>>);
}

TEST(Reflect, GivesReferencesToTheFields) {
    User user;
    reflect::with_fields(user, [](auto&, std::string& email, auto&...) { email = "a@b.c"; });
    EXPECT_EQ(user.email, "a@b.c");
    EXPECT_EQ(user.twice(), 6);
}

TEST(Reflect, VisitsFieldsInOrderWithIndexAndName) {
    std::string names;
    std::size_t next = 0;
    const Point point{1.5, 2.5};
    double sum = 0;
    reflect::for_each_field(point, [&](auto index, std::string_view name, auto& field) {
        static_assert(std::is_const_v<std::remove_reference_t<decltype(field)>>);
        EXPECT_EQ(index, next++);
        names.append(name);
        sum += field;
    });
    EXPECT_EQ(names, "xy");
    EXPECT_EQ(sum, 4.0);
}

struct NoDefault {
    explicit NoDefault(int) {}
    NoDefault(const NoDefault&) = default;
};
struct ExplicitDefault {
    explicit ExplicitDefault() = default;
    ExplicitDefault(const ExplicitDefault&) = default;
};
struct Hard {
    int first;
    NoDefault second;
    std::atomic<int> third;
    ExplicitDefault fourth;
    std::string fifth;
};
struct InitializerOnly {
    int a;
    NoDefault b = NoDefault{1};
    int c;
};

TEST(Reflect, CountsMembersThatCannotBeBuiltOrMoved) {
    static_assert(reflect::size<Hard> == 5);
    EXPECT_EQ(reflect::field_names<Hard>[1], "second");
    EXPECT_EQ(reflect::field_names<Hard>[4], "fifth");
    static_assert(reflect::size<InitializerOnly> == 3);
    EXPECT_EQ(reflect::field_names<InitializerOnly>[2], "c");
}

struct Arrays {
    int before;
    char code[8];
    int grid[2][3];
    std::string after;
};
struct HardArrays {
    NoDefault a;
    char code[8];
    int z;
};

TEST(Reflect, CountsAnArrayAsOneField) {
    static_assert(reflect::size<Arrays> == 4);
    static_assert(std::is_same_v<reflect::field_type<Arrays, 2>, int[2][3]>);
    EXPECT_EQ(reflect::field_names<Arrays>[3], "after");
    static_assert(reflect::size<HardArrays> == 3);
    EXPECT_EQ(reflect::field_names<HardArrays>[2], "z");
}

template <class T>
struct Versioned {
    T value;
    int version;
};
struct Empty {};
struct WithEmpty {
    Empty nothing;
    int something;
    [[no_unique_address]] Empty squeezed;
    int last_one;
};
struct Swallows {
    std::any first;
    int second;
};
struct Single {
    std::string only;
};
struct SameTypes {
    int a_, b2, _c, d, e;
};

TEST(Reflect, NamesFieldsOfTemplatesEmptyMembersAndLookalikes) {
    EXPECT_EQ(reflect::field_names<Versioned<User>>[1], "version");
    static_assert(reflect::size<WithEmpty> == 4);
    EXPECT_EQ(reflect::field_names<WithEmpty>[2], "squeezed");
    static_assert(reflect::size<Swallows> == 2);
    EXPECT_EQ(reflect::field_names<Swallows>[0], "first");
    EXPECT_EQ(reflect::field_names<Single>[0], "only");
    EXPECT_EQ(reflect::field_names<SameTypes>[2], "_c");
    EXPECT_EQ(reflect::field_names<SameTypes>[1], "b2");
}

TEST(Reflect, SeesLocalStructs) {
    struct Local {
        int here;
        std::string there;
    };
    static_assert(reflect::size<Local> == 2);
    EXPECT_EQ(reflect::field_names<Local>[1], "there");
}

struct Wide {
    int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15;
    int b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15;
    std::string c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15;
    std::optional<int> d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12, d13, d14, d15;
};

TEST(Reflect, GoesUpToSixtyFourFields) {
    static_assert(reflect::size<Wide> == 64);
    EXPECT_EQ(reflect::field_names<Wide>[63], "d15");
    EXPECT_EQ(reflect::field_names<Wide>[32], "c0");
    static_assert(std::is_same_v<reflect::field_type<Wide, 47>, std::string>);
}

// Each number of fields has its own binding: a struct of N numbers binds them all, in order.
template <std::size_t>
using Number = int;
template <class Seq>
struct Numbers;
template <std::size_t... I>
struct Numbers<std::index_sequence<I...>> {
    static bool bind_in_order() {
        std::array<Number<0>, sizeof...(I)> numbers{static_cast<Number<I>>(I)...};
        return reflect::detail::Arity<sizeof...(I)>::with(numbers, [&](auto&... field) {
            std::size_t next = 0;
            return ((&field == &numbers[next++]) && ...);
        });
    }
};

TEST(Reflect, BindsEveryNumberOfFieldsInOrder) {
    [&]<std::size_t... N>(std::index_sequence<N...>) {
        const std::array<bool, sizeof...(N)> bound{Numbers<std::make_index_sequence<N + 1>>::bind_in_order()...};
        for (std::size_t i = 0; i < bound.size(); ++i) EXPECT_TRUE(bound[i]) << i + 1 << " fields";
    }(std::make_index_sequence<reflect::max_fields>{});
}

struct Derived : Point {
    int z;
};
struct OnlyBase : Point {};
struct DerivedFromEmpty : Empty {
    int z;
};
class Hidden {
    [[maybe_unused]] int secret = 1;

public:
    int open = 2;
};
struct Constructed {
    explicit Constructed(int value) : v(value) {}
    int v = 0;
};
struct Polymorphic {
    int v;
    virtual ~Polymorphic() = default;
};
union Either {
    int i;
    float f;
};

TEST(Reflect, RefusesWhatItCannotSeeThrough) {
    static_assert(!reflect::mapped<Derived> && !reflect::mapped<OnlyBase> && !reflect::mapped<DerivedFromEmpty>);
    static_assert(!reflect::mapped<Hidden> && !reflect::mapped<Polymorphic> && !reflect::mapped<Either>);
    static_assert(!reflect::mapped<Empty> && !reflect::mapped<int> && !reflect::mapped<std::string>);
    static_assert(!reflect::reflectable<Constructed>);
}

TEST(Reflect, NamesAColumnByAPointerToMember) {
    EXPECT_EQ(reflect::column<&User::email>::name, "email");
    EXPECT_EQ(reflect::column<&Hidden::open>::name, "open");
    EXPECT_EQ(reflect::column<&Derived::x>::name, "x");
    static_assert(std::is_same_v<reflect::column<&User::age>::value_type, std::optional<int>>);
    static_assert(std::is_same_v<reflect::column<&Derived::x>::owner, Point>);
}

struct Child : Point {
    std::string label;
    static consteval auto pg_fields() { return reflect::fields<&Child::x, &Child::y, &Child::label>{}; }
};
class Account {
    std::int64_t id_ = 7;
    std::string owner_ = "ann";

public:
    Account() = default;
    static consteval auto pg_fields() { return reflect::fields<&Account::id_, &Account::owner_>{}; }
};

TEST(Reflect, TakesTheFieldsThatAClassDescribes) {
    static_assert(reflect::described<Child> && reflect::size<Child> == 3);
    static_assert(std::is_same_v<reflect::field_type<Child, 2>, std::string>);
    EXPECT_EQ(reflect::field_names<Child>[0], "x");
    EXPECT_EQ(reflect::field_names<Account>[1], "owner_");
    Account account;
    reflect::with_fields(account, [](std::int64_t& id, std::string& owner) {
        EXPECT_EQ(id, 7);
        EXPECT_EQ(owner, "ann");
    });
}

}  // namespace

template <>
struct pg::reflect::describe<Constructed> {
    using list = fields<&Constructed::v>;
};

namespace {

TEST(Reflect, TakesTheFieldsThatSomebodyElseDescribes) {
    static_assert(reflect::size<Constructed> == 1);
    EXPECT_EQ(reflect::field_names<Constructed>[0], "v");
}

TEST(Reflect, NamesEnumerators) {
    EXPECT_EQ(reflect::enumerator_name<Mood::happy>, "happy");
    EXPECT_EQ(reflect::enumerator_name<static_cast<Mood>(1)>, "ok");
    EXPECT_EQ(reflect::enumerator_name<static_cast<Mood>(7)>, "");
}

}  // namespace
