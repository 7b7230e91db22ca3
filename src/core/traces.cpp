// What a statement leaves behind: in its session, and in what texts mean from then on.
#include <algorithm>

#include "src/base/transaction_control.hpp"
#include "src/base/words.hpp"
#include "src/core/context.hpp"

namespace pg::detail {
namespace {

using words::mentions;  // what is found too often costs a little time, and what is missed a wrong answer

/// Whether a text has one of these words, which stand alone, be it in a string: names like created_at or attempt are
/// none.
bool has_word(std::string_view text, std::initializer_list<std::string_view> all) {
    for (auto at = text.begin(); at != text.end();) {
        at = std::find_if(at, text.end(), words::is_part);
        const auto end = std::find_if_not(at, text.end(), words::is_part);
        const std::string_view found(at, end);
        if (std::any_of(all.begin(), all.end(), [&](std::string_view word) { return words::is(found, word); }))
            return true;
        at = end;
    }
    return false;
}

/// Whether something may be made, or taken away, by it.
bool mentions_making(std::string_view text) { return has_word(text, {"create", "alter", "into", "drop"}); }

/// Whether a DROP may take something from what stays: a field from a row type, or a type's name for another one.
bool is_felt_by_others(std::string_view tag, std::string_view sql) {
    return mentions(tag, {"type", "domain", "owned"}) || mentions(sql, {"cascade"});
}

/// Looks for the INTO of a SELECT: INSERT and MERGE have one, too, and a column may be named so.
class IntoSearch final : detail::SqlScanner {
public:
    using SqlScanner::SqlScanner;

    [[nodiscard]] bool finds() {
        std::string_view before;  // the word directly before
        while (at_ < text_.size() && found_.problem == Problem::none) {
            const bool is_blank =
                space(peek()) || (peek() == '-' && peek(1) == '-') || (peek() == '/' && peek(1) == '*');
            const std::size_t start = at_;
            const char first = peek();
            step();
            if (is_blank) continue;
            const std::string_view word = text_.substr(start, word_start(first) ? at_ - start : 1);
            if (same(word, "into") && !same(before, "insert") && !same(before, "merge") && !same(before, "as") &&
                !same(before, "."))
                return true;
            before = same(before, ".") ? std::string_view("name") : word;
        }
        return false;
    }
};

bool forgets_statements(std::string_view text) { return mentions(text, {"discard", "deallocate"}); }

StatementCache* statements_of(const spi::SessionSlot& slot) { return static_cast<StatementCache*>(slot.memory.get()); }

StatementCache& statements_from_now_on(Context& context, spi::SessionSlot& slot) {
    if (!slot.memory) slot.memory = std::make_unique<StatementCache>(context.statements, context.tally);
    return *statements_of(slot);
}

/// A name may mean something new from now on, and a type have other fields: a server does not look whether a table that
/// was made since stands before the one that a prepared statement is about.
void note_new_names(Context& context, spi::SessionSlot& slot) {
    context.types->outdate();
    // For the others that is so when the transaction ends.
    if (slot.session->transaction_status() == spi::TransactionStatus::idle) return;
    statements_from_now_on(context, slot).await_commit();
}

/// The same of code that may make things, temporary ones among them.
void note_new_names_of(std::string_view code, Context& context, spi::SessionSlot& slot) {
    note_new_names(context, slot);
    if (has_word(code, {"temp", "temporary", "pg_temp"})) statements_from_now_on(context, slot).await_reset();
}

/// The same of a statement that made something. A temporary one stands before others in its own session only, but what
/// is made of a temporary table is none, and a view may be given more columns.
void note_what_was_made(Context& context, spi::SessionSlot& slot, std::string_view tag, std::string_view sql) {
    const bool speaks_of_temporary = mentions(sql, {"pg_temp"});
    const bool is_temporary = scan_sql(sql).leaves_traces && !mentions(sql, {"set_config", "advisory"});
    if (is_temporary || speaks_of_temporary) {
        note_dirt(slot);
        StatementCache& statements = statements_from_now_on(context, slot);
        statements.close_all(*slot.session);
        statements.await_reset();
    }
    const bool may_give_columns = tag == "CREATE VIEW" && mentions(sql, {"replace"});
    if (!is_temporary || tag.starts_with("ALTER") || may_give_columns) note_new_names(context, slot);
}

/// What a name means that is gone is something else, or nothing. Where there are temporary tables it is one of those,
/// as far as can be told; another one is found to be gone by whoever needs it.
void note_what_was_dropped(Context& context, spi::SessionSlot& slot, std::string_view tag, std::string_view sql) {
    if (is_felt_by_others(tag, sql)) return note_new_names(context, slot);
    // IF EXISTS stands before what is made anew, most often a temporary one, and nothing may have been dropped.
    if (!mentions(tag, {"table", "view"}) || has_word(sql, {"exists"})) return;
    StatementCache* const statements = statements_of(slot);
    statements && statements->awaits_reset() ? statements->close_all(*slot.session) : note_new_names(context, slot);
}

}  // namespace

bool selects_into(std::string_view sql) {
    return mentions(first_word(sql), {"select", "with"}) && mentions(sql, {"into"}) && IntoSearch(sql).finds();
}

bool makes_names(std::string_view sql) {
    const std::string_view word = first_word(sql);
    for (const std::string_view making : {"create", "alter", "drop", "import"})
        if (word.size() == making.size() && mentions(word, {making})) return true;
    for (const std::string_view running : {"do", "explain"})
        if (word.size() == running.size() && mentions(word, {running})) return mentions_making(sql);
    return selects_into(sql);
}

void note_dirt(spi::SessionSlot& slot) {
    if (!std::exchange(slot.dirty, true) && slot.memory) statements_of(slot)->has_been_reset(*slot.session);
}

void note_settings(spi::SessionSlot& slot, std::string_view sql) {
    note_dirt(slot);
    const bool sets_what_is_given = mentions(sql, {"set_config"}) && mentions(sql, {"$"});
    if (sets_what_is_given || mentions(sql, {"search_path", "role", "authorization", "schema"})) slot.renamed = true;
}

void note_traces(spi::SessionSlot& slot, std::string_view sql) {
    note_settings(slot, sql);
    if (slot.memory && forgets_statements(sql)) statements_of(slot)->close_all(*slot.session);  // it may have some yet
}

void note_making(Context& context, std::string_view sql) {
    if (makes_names(sql)) context.types->outdate();
}

void note_tag(Context& context, spi::SessionSlot& slot, const Result& result, std::string_view sql) {
    const std::string_view tag = result.tag();
    if (tag.empty()) return;
    if (tag == "COMMIT") return note_commit(context, slot);
    if (tag == "ROLLBACK") return note_undone(context, slot);
    if (tag == "DISCARD ALL" || tag == "DEALLOCATE ALL") {
        note_settings(slot, sql);
        if (slot.memory) statements_of(slot)->forget_all();
    }
    for (const std::string_view telling : {"SET", "LISTEN", "DECLARE CURSOR", "PREPARE", "LOAD", "DO"})
        if (tag == telling) note_traces(slot, sql);
    // CREATE TABLE … AS and SELECT … INTO say how many rows they have selected, and give none.
    const bool may_make = (tag.starts_with("SELECT") && result.columns().empty()) ||
                          (tag == "EXPLAIN" && mentions(sql, {"analy"}));  // ANALYZE, or ANALYSE: it is run
    if (may_make && has_word(sql, {"execute"})) note_traces(slot, sql);    // nobody knows of what
    if (tag.starts_with("CREATE") || tag.starts_with("ALTER") || (may_make && has_word(sql, {"create", "into"})))
        note_what_was_made(context, slot, tag, sql);
    if (tag == "COMMIT PREPARED" || tag.starts_with("IMPORT")) note_new_names(context, slot);
    if (tag.starts_with("DROP")) note_what_was_dropped(context, slot, tag, sql);
    if (tag == "DO" && mentions_making(sql)) note_new_names_of(sql, context, slot);
}

void note_failure(Context& context, spi::SessionSlot& slot, const Error& error, std::string_view sql) {
    if (error.outcome() == Outcome::not_sent) return;
    if (refuses_types(error)) context.retyped->remove(sql);  // which has other functions by now, or never went well
    const bool may_have_made = error.outcome() != Outcome::not_applied && (!is_about_rows(sql) || selects_into(sql));
    if (!error.connection_usable()) {
        // What its transaction waited for goes with the session, and the others are there yet.
        if (may_have_made) context.types->outdate();
    } else if (!is_about_rows(sql)) {
        note_traces(slot, sql);
        note_script(context, slot, sql);
    } else if (may_have_made) {
        note_new_names(context, slot);
    }
}

void note_script(Context& context, spi::SessionSlot& slot, std::string_view text) {
    if (mentions_making(text) || mentions(text, {"import", "prepared"})) note_new_names_of(text, context, slot);
    if (!mentions(text, {"commit", "end", "rollback", "abort"})) return;
    const bool is_over = slot.session->transaction_status() == spi::TransactionStatus::idle;
    is_over ? note_commit(context, slot) : note_undone(context, slot);
}

void note_commit(Context& context, spi::SessionSlot& slot) {
    if (slot.memory && statements_of(slot)->has_committed()) context.types->outdate();
}

void note_undone(Context& context, spi::SessionSlot& slot) {
    if (slot.memory && statements_of(slot)->awaits_commit()) context.types->outdate();
}

}  // namespace pg::detail
