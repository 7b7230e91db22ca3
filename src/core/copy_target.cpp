// Targets of COPY: taken apart far enough to be described, the rest is the server's to judge.
#include "src/core/copy_target.hpp"

#include <algorithm>

#include "src/core/quote.hpp"

namespace pg::detail {
namespace {

constexpr std::string_view spaces = " \t\r\n\f\v";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(spaces);
    return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

/// With an end to the comment that it may end in.
std::string ended(const std::string& text) { return text.find("--") == text.npos ? text : text + '\n'; }

/// The first opening parenthesis outside of a quoted name.
std::size_t find_opening(std::string_view text) {
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"') quoted = !quoted;
        if (text[at] == '(' && !quoted) return at;
    }
    return text.npos;
}

Error bad_target(std::string_view text, const char* problem) {
    return usage_error("COPY target \"" + std::string(text) + "\" " + problem +
                       "; a table, a table (column, …) or a (query) is wanted");
}

/// True for a type whose binary form is its text.
bool is_text_in_binary(const WireType& column) {
    switch (static_cast<std::uint32_t>(column.oid)) {
        case 25:    // text
        case 1043:  // varchar
        case 1042:  // bpchar
        case 19:    // name
        case 114:   // json
        case 142:   // xml
            return true;
        default: return is_named(column, "citext");
    }
}

TypeKind kind_of(const WireType& column) {
    const TypeInfo* const info = find_type(column);
    return info ? info->kind : TypeKind::base;
}

/// True for the type of this name, in whatever schema unless that is said, and for the array over it.
bool has_name(const WireType& column, std::string_view name) {
    if (!name.ends_with("[]")) return is_named(column, name);
    const WireType element = element_type(column);
    return element.oid != Oid{} && is_named(element, name.substr(0, name.size() - 2));
}

}  // namespace

bool takes_binary(const WireType& column, Oid oid, const TypeId& type) {
    if (oid != Oid{} && oid == column.oid) return true;
    if (type.oid == Oid{} && has_name(column, type.name)) return true;
    constexpr Oid text{25};
    constexpr Oid record{2249};
    if (type.oid == text) return is_text_in_binary(column) || kind_of(column) == TypeKind::enumeration;
    if (type.oid == record) return kind_of(column) == TypeKind::composite;
    return type.name == "anyenum" && kind_of(column) == TypeKind::enumeration;
}

Expected<CopyTarget> CopyTarget::parse(std::string_view text, std::span<const Target> targets) {
    text = trimmed(text);
    if (text.empty()) return bad_target(text, "is empty");
    CopyTarget target;
    const std::size_t opening = find_opening(text);
    if (opening == text.npos) {
        target.table = text;
        target.list = field_list(targets);
        return target;
    }
    if (text.back() != ')') return bad_target(text, "does not end with its parenthesis");
    target.table = trimmed(text.substr(0, opening));
    const std::string_view inside = trimmed(text.substr(opening + 1, text.size() - opening - 2));
    if (inside.empty()) return bad_target(text, "has nothing in its parentheses");
    (target.table.empty() ? target.query : target.list) = inside;
    return target;
}

std::string CopyTarget::description() const {
    return table.empty() ? query : "select " + (list.empty() ? "*" : ended(list)) + " from " + table;
}

std::string CopyTarget::text() const {
    if (table.empty()) return "(" + ended(query) + ")";
    return list.empty() ? ended(table) : ended(table) + " (" + ended(list) + ")";
}

std::string field_list(std::span<const Target> targets) {
    std::string list;
    if (targets.front().name.empty()) return list;
    for (const Target& target : targets) {
        if (!list.empty()) list += ", ";
        list += quote_name(target.name);
    }
    return list;
}

CopyRow::CopyRow(const spi::Description& description, std::shared_ptr<const TypeCatalog> types)
    : cells(description.columns.size()),
      owned_(description.columns),
      names_(description.names),
      types_(std::move(types)) {
    for (Column& column : owned_) column.type = {column.type.oid, Format::binary, types_.get()};
    columns_ = owned_;
    rows_ = 1;
}

void CopyRow::do_read(std::size_t, std::span<const std::uint16_t> columns, Cell* out) const noexcept {
    for (const std::uint16_t column : columns) *out++ = cells[column];
}
Cell CopyRow::do_cell(std::size_t, std::size_t column) const noexcept { return cells[column]; }

Expected<std::unique_ptr<CopyRow>> describe(const CopySession& session, const CopyTarget& target) {
    const std::string sql = target.description();
    const Expected<bool> traces = look_at_text({.sql = sql});
    if (!traces) return traces.error();
    if (*traces) note_settings(*session.borrowed().slot, sql);
    auto described = session.session().prepare({}, sql, {}, session.wait());
    if (!described) return not_begun(described.error());
    auto types = types_as_of_now(session.borrowed(), described->columns);
    if (!types) return not_begun(types.error());
    return std::make_unique<CopyRow>(*described, *std::move(types));
}

}  // namespace pg::detail
