// What a server that behaves says to each message.
#include "src/testing/polite_session.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "pg/sql.hpp"
#include "src/testing/value_form.hpp"

namespace pg::testing {
namespace {

/// The first words of a statement in upper case.
std::string first_words(std::string_view sql, std::size_t count) {
    std::string words;
    for (std::size_t at = 0; count > 0; --count) {
        while (at < sql.size() && std::isspace(static_cast<unsigned char>(sql[at])) != 0) ++at;
        const std::size_t begin = at;
        while (at < sql.size() && std::isalpha(static_cast<unsigned char>(sql[at])) != 0) ++at;
        if (at == begin) break;
        if (!words.empty()) words += ' ';
        for (const char c : sql.substr(begin, at - begin))
            words += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return words;
}

bool needs_no_answer(const std::string& word) {
    static constexpr std::array<std::string_view, 15> words{"BEGIN",      "START",     "COMMIT",   "END",   "ROLLBACK",
                                                            "ABORT",      "SAVEPOINT", "RELEASE",  "SET",   "DISCARD",
                                                            "DEALLOCATE", "LISTEN",    "UNLISTEN", "RESET", "CLOSE"};
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// What a pool says to a session that comes back with something in it, which no test has asked for.
bool is_reset(std::string_view sql) {
    return sql.starts_with("close all; set session authorization default; reset all;");
}

bool rolls_back_to_a_savepoint(std::string_view sql) {
    return first_words(sql, 2) == "ROLLBACK TO" || first_words(sql, 3) == "ROLLBACK WORK TO" ||
           first_words(sql, 3) == "ROLLBACK TRANSACTION TO";
}

/// What is rolled back to is released by the same request.
bool releases_what_it_rolls_back_to(std::string_view sql) {
    const std::size_t end = sql.find(';');
    if (end == std::string_view::npos || !rolls_back_to_a_savepoint(sql)) return false;
    const std::string_view rest = sql.substr(end + 1);
    return first_words(rest, 1) == "RELEASE" && scan_sql(rest).problem != SqlScan::Problem::several_statements;
}

bool ends_a_transaction(std::string_view sql) {
    const std::string word = first_words(sql, 1);
    if (word != "COMMIT" && word != "END" && word != "ROLLBACK" && word != "ABORT") return false;
    return !rolls_back_to_a_savepoint(sql) && first_words(sql, 2) != word + " PREPARED";
}

bool begins_the_next(std::string_view sql) {
    for (std::size_t count = 3; count <= 4; ++count) {
        const std::string words = first_words(sql, count);
        if (words.ends_with(" AND CHAIN")) return true;
    }
    return false;
}

FakeTransaction state_after(std::string_view sql, FakeTransaction before) {
    const std::string word = first_words(sql, 1);
    if (ends_a_transaction(sql)) return begins_the_next(sql) ? FakeTransaction::open : FakeTransaction::idle;
    if (word == "BEGIN" || word == "START") return FakeTransaction::open;
    if (before == FakeTransaction::failed && rolls_back_to_a_savepoint(sql)) return FakeTransaction::open;
    return before;
}

/// The prepared statement that a DEALLOCATE names, as the server takes names; nothing when it is about all of them.
std::optional<std::string> deallocated(std::string_view sql) {
    std::string_view rest = sql;
    for (const std::string_view word : {"DEALLOCATE", "PREPARE"}) {
        const std::string_view behind = trimmed(rest);
        if (first_words(behind, 1) == word && behind.find_first_of(" \t\r\n\"") == word.size())
            rest = behind.substr(word.size());
    }
    rest = trimmed(rest);
    std::string name;
    if (rest.starts_with('"')) {
        for (std::size_t at = 1; at + 1 < rest.size(); at += rest.substr(at).starts_with("\"\"") ? 2 : 1)
            name += rest[at];
        return name;
    }
    for (const char c : rest) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name == "all") return std::nullopt;
    return name;
}

std::string usual_tag(std::string_view sql, FakeTransaction before) {
    std::string word = first_words(sql, 1);
    if (word == "START" || word == "DISCARD") return first_words(sql, 2);
    if (word == "CLOSE") return first_words(sql, 2) == "CLOSE ALL" ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    if (word == "DEALLOCATE") return deallocated(sql) ? word : "DEALLOCATE ALL";
    if ((word == "COMMIT" || word == "ROLLBACK") && first_words(sql, 2) == word + " PREPARED")
        return word + " PREPARED";
    if (word == "ABORT") return "ROLLBACK";
    if (word == "COMMIT" || word == "END") return before == FakeTransaction::failed ? "ROLLBACK" : "COMMIT";
    return word;
}

Format format_of(const std::vector<Format>& asked, std::size_t column) {
    if (asked.empty()) return Format::text;
    return asked.size() == 1 ? asked.front() : asked[std::min(column, asked.size() - 1)];
}

std::vector<FakeColumn> described(const Answer& answer, const std::vector<Format>& asked) {
    std::vector<FakeColumn> columns = answer.columns;
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (columns[i].format == Format::text) columns[i].format = format_of(asked, i);
    return columns;
}

}  // namespace

void PoliteSession::run() {
    if (!client_.let_in()) return;
    while (serve(conversation_.next())) continue;
}

bool PoliteSession::serve(const ClientMessage& message) {
    switch (message.kind) {
        case MessageKind::left:
        case MessageKind::terminate: return false;
        case MessageKind::sync: be_ready(); return true;
        case MessageKind::flush: send(); return true;
        default: break;
    }
    if (skipping_) return true;
    switch (message.kind) {
        case MessageKind::query: query(message); return true;
        case MessageKind::parse: parse(message); return true;
        case MessageKind::bind: bind(message); return true;
        case MessageKind::describe: describe(message); return true;
        case MessageKind::execute: execute(message); return true;
        case MessageKind::close: close(message); return true;
        default: break;
    }
    // As a server does it with what it cannot follow.
    client_.report(std::string(to_string(message.kind)) + " is not what a server waits for here");
    ErrorFields fatal = report("08P01", "unexpected message: " + std::string(to_string(message.kind)));
    fatal.severity = "FATAL";
    reply_.error(fatal);
    send();
    return false;
}

void PoliteSession::query(const ClientMessage& message) {
    // A server uses the unnamed statement and portal for it.
    conversation_.statements.erase("");
    if (trimmed(message.sql).empty()) {
        conversation_.take_in(message);
        reply_.empty_query();
    } else if (!refuses(message.sql) && !refuses_to_prepare(message.sql)) {
        conversation_.take_in(message);
        Portal portal{.answer = take(message.sql), .formats = {}, .sent = 0, .begun = false};
        if (!portal.answer.columns.empty()) reply_.columns(described(portal.answer, {}));
        play(portal, message.sql, 0);
    }
    if (!skipping_) portals_.erase("");
    be_ready();
}

void PoliteSession::parse(const ClientMessage& message) {
    const std::string& name = message.statement;
    if (name.empty()) conversation_.statements.erase(name);
    if (!trimmed(message.sql).empty() && (refuses(message.sql) || refuses_to_prepare(message.sql))) return;
    if (conversation_.statements.contains(name))
        return misuse("42P05", "prepared statement \"" + name + "\" already exists");
    conversation_.take_in(message);
    auto& types = parameters_[name];
    const Answer answer = look(message.sql);
    types = message.types;
    types.resize(std::max({types.size(), scan_sql(message.sql).parameters, answer.parameters.size()}));
    for (std::size_t i = 0; i < types.size(); ++i)
        if (types[i] == Oid{}) types[i] = i < answer.parameters.size() ? answer.parameters[i] : Oid{25};
    reply_.parse_complete();
}

void PoliteSession::bind(const ClientMessage& message) {
    if (!knows_statement(message.statement) || refuses(message.sql) || refuses_to_prepare(message.sql)) return;
    conversation_.take_in(message);
    Answer answer = trimmed(message.sql).empty() ? Answer() : take(message.sql);
    portals_[message.portal] = {
        .answer = std::move(answer), .formats = message.result_formats, .sent = 0, .begun = false};
    reply_.bind_complete();
}

void PoliteSession::describe(const ClientMessage& message) {
    std::vector<FakeColumn> columns;
    if (message.about_portal) {
        const Portal* const portal = portal_of(message);
        if (portal == nullptr) return;
        columns = described(portal->answer, portal->formats);
    } else {
        if (!knows_statement(message.statement)) return;
        columns = described(look(message.sql), {});
    }
    if (!columns.empty() && refuses(message.sql)) return;
    if (!message.about_portal) reply_.parameters(parameters_[message.statement]);
    if (columns.empty())
        reply_.no_data();
    else
        reply_.columns(columns);
}

void PoliteSession::execute(const ClientMessage& message) {
    Portal* const portal = portal_of(message);
    const bool is_empty = trimmed(message.sql).empty();
    if (portal == nullptr || (!is_empty && refuses(message.sql))) return;
    conversation_.take_in(message);
    if (is_empty)
        reply_.empty_query();
    else
        play(*portal, message.sql, message.most_rows);
}

void PoliteSession::close(const ClientMessage& message) {
    conversation_.take_in(message);
    if (message.about_portal) portals_.erase(message.portal);
    reply_.close_complete();
}

void PoliteSession::play(Portal& portal, std::string_view sql, std::uint32_t most_rows) {
    const Answer& answer = portal.answer;
    if (!portal.begun)
        for (const ErrorFields& notice : answer.notices) reply_.notice(notice);
    portal.begun = true;

    const auto columns = described(answer, portal.formats);
    for (std::size_t rows = 0; portal.sent < answer.rows.size(); ++rows, ++portal.sent) {
        if (most_rows != 0 && rows == most_rows) return static_cast<void>(reply_.portal_suspended());
        FakeValues values = answer.rows[portal.sent];
        for (std::size_t i = 0; i < values.size() && i < columns.size(); ++i) {
            if (!values[i] || columns[i].format == answer.columns[i].format) continue;
            auto binary = other_form(columns[i].type, Format::text, *values[i]);
            if (!binary) {
                const std::string problem = "the value of column " + columns[i].name + " has no binary form of type " +
                                            std::to_string(static_cast<std::uint32_t>(columns[i].type)) +
                                            " that the fake server knows";
                client_.report(problem);
                return fail(report("0A000", problem));
            }
            values[i] = std::move(binary);
        }
        reply_.row(values);
    }
    const FakeTransaction before = transaction_;
    if (answer.error) {
        // A COMMIT that fails ends its transaction all the same.
        if (ends_a_transaction(sql)) transaction_ = FakeTransaction::idle;
        return fail(*answer.error);
    }
    transaction_ = state_after(sql, before);
    forget_statements(sql);
    if (!answer.tag.empty())
        reply_.tag(answer.tag);
    else if (!answer.columns.empty())
        reply_.tag("SELECT " + std::to_string(answer.rows.size()));
    else
        reply_.tag(usual_tag(sql, before));
}

Answer PoliteSession::take(std::string_view sql) {
    if (auto answer = answers_.take(sql)) return *std::move(answer);
    Answer usual = look(sql);
    if (usual.error) client_.report(usual.error->message);
    return usual;
}

Answer PoliteSession::look(std::string_view sql) const {
    if (auto answer = answers_.look(sql)) return *std::move(answer);
    Answer usual;
    const bool is_one =
        scan_sql(sql).problem != SqlScan::Problem::several_statements || releases_what_it_rolls_back_to(sql);
    if (!is_reset(sql) && (!is_one || !needs_no_answer(first_words(sql, 1))))
        usual.error = report("0A000", "the fake server has no answer to: " + std::string(sql));
    return usual;
}

bool PoliteSession::refuses(std::string_view sql) {
    if (transaction_ != FakeTransaction::failed || rolls_back_to_a_savepoint(sql) || ends_a_transaction(sql))
        return false;
    fail(report("25P02", "current transaction is aborted, commands ignored until end of transaction block"));
    return true;
}

bool PoliteSession::refuses_to_prepare(std::string_view sql) {
    const auto error = answers_.take_refusal(sql);
    if (error) fail(*error);
    return error.has_value();
}

bool PoliteSession::knows_statement(const std::string& name) {
    if (conversation_.statements.contains(name)) return true;
    misuse("26000",
           (name.empty() ? "unnamed prepared statement" : "prepared statement \"" + name + "\"") + " does not exist");
    return false;
}

PoliteSession::Portal* PoliteSession::portal_of(const ClientMessage& message) {
    const auto found = portals_.find(message.portal);
    if (found != portals_.end()) return &found->second;
    misuse("34000", "portal \"" + message.portal + "\" does not exist");
    return nullptr;
}

void PoliteSession::forget_statements(std::string_view sql) {
    const bool is_deallocation = first_words(sql, 1) == "DEALLOCATE";
    if (!is_deallocation && first_words(sql, 2) != "DISCARD ALL") return;
    const auto one = is_deallocation ? deallocated(sql) : std::nullopt;
    std::erase_if(conversation_.statements,
                  [&](const auto& statement) { return one ? statement.first == *one : !statement.first.empty(); });
}

void PoliteSession::misuse(SqlState sqlstate, const std::string& message) {
    client_.report(message);
    fail(report(sqlstate, message));
}

void PoliteSession::fail(const ErrorFields& error) {
    reply_.error(error);
    if (transaction_ == FakeTransaction::open) transaction_ = FakeTransaction::failed;
    skipping_ = true;
}

void PoliteSession::be_ready() {
    skipping_ = false;
    // A portal lives as long as its transaction.
    if (transaction_ == FakeTransaction::idle) portals_.clear();
    reply_.ready(transaction_);
    send();
}

void PoliteSession::send() {
    client_.send(reply_);
    reply_ = Reply();
}

}  // namespace pg::testing
