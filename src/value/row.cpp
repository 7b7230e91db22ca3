// Matching a result's columns to the targets of a row type: once a statement, all misfits in one message.
#include "pg/row.hpp"

#include <algorithm>

#include "pg/catalog.hpp"
#include "pg/column_matches.hpp"
#include "src/value/doubt_type.hpp"
#include "src/value/type_name.hpp"

namespace pg::detail {
namespace {

constexpr std::uint16_t nowhere = 0xffff;

/// Collects what does not fit, so that the caller learns all of it at once.
class Misfits {
public:
    void add(std::string misfit) {
        if (!text_.empty()) text_ += "; ";
        text_ += misfit;
    }
    [[nodiscard]] Expected<void> verdict() && {
        if (text_.empty()) return {};
        return Error({.kind = ErrorKind::shape,
                      .outcome = Outcome::applied,
                      .message = "the result does not fit its row type: " + std::move(text_)});
    }

private:
    std::string text_;
};

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

void match_by_position(const ResultStorage& result, std::span<const Target> targets, Extra extra, std::uint16_t* map,
                       Misfits& misfits) {
    const std::size_t columns = result.columns().size();
    if (columns < targets.size() || (columns > targets.size() && extra == Extra::refuse))
        misfits.add("it has " + std::to_string(columns) + " columns, the row type " + std::to_string(targets.size()));
    for (std::size_t i = 0; i < targets.size(); ++i) map[i] = i < columns ? static_cast<std::uint16_t>(i) : nowhere;
}

void match_by_name(const ResultStorage& result, std::span<const Target> targets, Extra extra, std::uint16_t* map,
                   Misfits& misfits) {
    const std::span<const Column> columns = result.columns();
    for (std::size_t i = 0; i < targets.size(); ++i) map[i] = nowhere;
    for (std::size_t c = 0; c < columns.size(); ++c) {
        // Fields and columns are most often in the same order: look there first.
        std::size_t field = c < targets.size() && targets[c].name == columns[c].name ? c : 0;
        while (field < targets.size() && targets[field].name != columns[c].name) ++field;
        if (field == targets.size()) {
            if (extra == Extra::refuse) misfits.add("column " + quoted(columns[c].name) + " has no field");
        } else if (map[field] != nowhere) {
            misfits.add("two columns are named " + quoted(columns[c].name));
        } else {
            map[field] = static_cast<std::uint16_t>(c);
        }
    }
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (map[i] == nowhere) misfits.add("field " + quoted(targets[i].name) + " has no column");
}

bool all_come_in_binary(const ResultStorage& result) {
    const std::span<const Column> columns = result.columns();
    return std::all_of(columns.begin(), columns.end(),
                       [](const Column& column) { return column.type.format == Format::binary; });
}

}  // namespace

void doubt_type(const WireType& type, ColumnMatches* known) {
    if (!type.types || !TypeCatalog::is_user_defined(type.oid)) return;
    type.types->doubt(type.oid);
    if (known) known->keep_known_types(false);
}

Expected<void> match_columns(const ResultStorage& result, std::span<const Target> targets, Extra extra,
                             std::uint16_t* map, ColumnMap& found) {
    ColumnMatches* const known = result.matches();
    if (known) {
        if (const ColumnMap* kept = known->find(targets, extra)) {
            found = *kept;
            return {};
        }
    }
    Misfits misfits;
    if (targets.empty() || targets.front().name.empty())
        match_by_position(result, targets, extra, map, misfits);
    else
        match_by_name(result, targets, extra, map, misfits);
    for (std::size_t i = 0; i < targets.size(); ++i) {
        if (map[i] == nowhere) continue;
        const Column& column = result.columns()[map[i]];
        if (targets[i].accepts(column.type)) continue;
        doubt_type(column.type, known);
        misfits.add("column " + quoted(column.name) + " is " + type_name(column.type) + ", its target takes " +
                    std::string(targets[i].type->name));
    }
    if (auto verdict = std::move(misfits).verdict(); !verdict) return verdict;
    const bool in_order =
        targets.size() <= columns_in_order.size() && std::equal(map, map + targets.size(), columns_in_order.begin());
    found = {in_order ? columns_in_order.data() : map,
             in_order && targets.size() == result.columns().size() && all_come_in_binary(result)};
    if (known) known->keep(targets, extra, found);
    return {};
}

}  // namespace pg::detail
