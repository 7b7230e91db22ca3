// Which types hold which others: the built-in ones from a table, all others from the catalogue.
#include "pg/types/nested.hpp"

#include <algorithm>
#include <iterator>

#include "pg/catalog.hpp"

namespace pg::detail {
namespace {

struct Pair {
    std::uint16_t outer;
    std::uint16_t inner;
};

// Arrays and their elements, by the oid of the array.
constexpr Pair arrays[] = {
    {22, 21},     {30, 26},     {143, 142},   {199, 114},   {271, 5069},  {629, 628},   {651, 650},   {719, 718},
    {775, 774},   {791, 790},   {1000, 16},   {1001, 17},   {1002, 18},   {1003, 19},   {1005, 21},   {1006, 22},
    {1007, 23},   {1008, 24},   {1009, 25},   {1010, 27},   {1011, 28},   {1012, 29},   {1013, 30},   {1014, 1042},
    {1015, 1043}, {1016, 20},   {1017, 600},  {1018, 601},  {1019, 602},  {1020, 603},  {1021, 700},  {1022, 701},
    {1027, 604},  {1028, 26},   {1034, 1033}, {1040, 829},  {1041, 869},  {1115, 1114}, {1182, 1082}, {1183, 1083},
    {1185, 1184}, {1187, 1186}, {1231, 1700}, {1263, 2275}, {1270, 1266}, {1561, 1560}, {1563, 1562}, {2201, 1790},
    {2207, 2202}, {2208, 2203}, {2209, 2204}, {2210, 2205}, {2211, 2206}, {2287, 2249}, {2949, 2970}, {2951, 2950},
    {3221, 3220}, {3643, 3614}, {3644, 3642}, {3645, 3615}, {3735, 3734}, {3770, 3769}, {3807, 3802}, {3905, 3904},
    {3907, 3906}, {3909, 3908}, {3911, 3910}, {3913, 3912}, {3927, 3926}, {4073, 4072}, {4090, 4089}, {4097, 4096},
    {4192, 4191}, {5039, 5038}, {6150, 4451}, {6151, 4532}, {6152, 4533}, {6153, 4534}, {6155, 4535}, {6157, 4536},
};
constexpr Pair ranges[] = {{3904, 23}, {3906, 1700}, {3908, 1114}, {3910, 1184}, {3912, 1082}, {3926, 20}};
constexpr Pair multiranges[] = {{4451, 23}, {4532, 1700}, {4533, 1114}, {4534, 1184}, {4535, 1082}, {4536, 20}};

static_assert(std::is_sorted(std::begin(arrays), std::end(arrays),
                             [](const Pair& a, const Pair& b) { return a.outer < b.outer; }));

template <std::size_t N>
WireType inner_type(const WireType& type, const Pair (&table)[N], TypeKind kind) {
    WireType inner{Oid{}, type.format, type.types};
    if (TypeCatalog::is_user_defined(type.oid)) {
        const TypeInfo* info = find_type(type);
        if (info != nullptr && info->kind == kind) inner.oid = info->element;
        // A domain over a built-in type has no entry of its own behind it.
        if (info == nullptr && base_type(type).oid != type.oid) return inner_type(base_type(type), table, kind);
        return base_type(inner);
    }
    const auto oid = static_cast<std::uint32_t>(type.oid);
    const Pair* found = std::lower_bound(std::begin(table), std::end(table), oid,
                                         [](const Pair& pair, std::uint32_t wanted) { return pair.outer < wanted; });
    if (found != std::end(table) && found->outer == oid) inner.oid = Oid{found->inner};
    return inner;
}

}  // namespace

WireType base_type(const WireType& type) {
    WireType base = type;
    if (type.types == nullptr) return base;
    for (int depth = 0; TypeCatalog::is_user_defined(base.oid) && depth < 32; ++depth) {
        const TypeInfo* info = type.types->find(base.oid);
        if (info == nullptr || info->kind != TypeKind::domain) break;
        base.oid = info->element;
    }
    return base;
}

const TypeInfo* find_type(const WireType& type) {
    return type.types == nullptr ? nullptr : type.types->find(base_type(type).oid);
}

bool is_named(const WireType& type, std::string_view name) {
    const TypeInfo* info = find_type(type);
    if (info == nullptr) return false;
    const std::size_t dot = name.find('.');
    if (dot == name.npos) return info->name == name;
    return info->schema == name.substr(0, dot) && info->name == name.substr(dot + 1);
}

WireType element_type(const WireType& array) { return inner_type(array, arrays, TypeKind::array); }
WireType range_bound_type(const WireType& range) { return inner_type(range, ranges, TypeKind::range); }
WireType multirange_bound_type(const WireType& multirange) {
    return inner_type(multirange, multiranges, TypeKind::multirange);
}

bool are_namesakes(const TypeCatalog* types, Oid a, Oid b) {
    const TypeInfo* const one = types == nullptr ? nullptr : types->find(a);
    const TypeInfo* const other = types == nullptr ? nullptr : types->find(b);
    return one != nullptr && other != nullptr && one->kind == other->kind && one->name == other->name;
}

Oid find_oid(const TypeCatalog* types, std::string_view name) {
    const TypeInfo* info = types == nullptr ? nullptr : types->find(name);
    return info == nullptr ? Oid{} : info->oid;
}

Oid find_array_oid(const TypeCatalog* types, Oid element) {
    const TypeInfo* info = types == nullptr ? nullptr : types->find(element);
    return info == nullptr ? Oid{} : info->array;
}

}  // namespace pg::detail
