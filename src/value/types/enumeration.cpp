// Labels of enums, whose binary form is their text.
#include "pg/types/enumeration.hpp"

#include <algorithm>

#include "pg/catalog.hpp"

namespace pg {
namespace detail {

bool accepts_enum(const WireType& type, std::string_view name) {
    const TypeInfo* info = find_type(type);
    return info != nullptr && info->kind == TypeKind::enumeration && (name.empty() || is_named(type, name));
}

Fault find_label(const Cell& cell, std::span<const std::string_view> labels, std::size_t& index) {
    const auto found = std::find(labels.begin(), labels.end(), cell.bytes());
    if (found == labels.end()) return {"label that the enumeration does not know"};
    index = static_cast<std::size_t>(found - labels.begin());
    return {};
}

}  // namespace detail

bool Codec<EnumLabel>::accepts(const WireType& wire) { return detail::accepts_enum(wire, {}); }

Fault Codec<EnumLabel>::decode(const Cell& cell, const WireType&, EnumLabel& out) {
    out.text.assign(cell.bytes());
    return {};
}

Fault Codec<EnumLabel>::encode(Writer& out, const EnumLabel& value) {
    return detail::encode_checked_text(out, value.text);
}

}  // namespace pg
