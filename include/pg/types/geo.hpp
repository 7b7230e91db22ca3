// Points and shapes in the plane.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {

/// Shapes compare number by number and exactly, so NaN equals nothing; the server compares with a tolerance.
/// `parse` and `to_string` are from and to what the server writes.
namespace geo {

/// `(x,y)`. Value.
struct Point {
    /// Its coordinates. @{
    double x = 0, y = 0;  /// @}

    PGCLIENT_API static Expected<Point> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const Point&, const Point&) = default;
};

/// lseg: `[(x1,y1),(x2,y2)]`. Value.
struct LineSegment {
    /// Its ends, in the order of the text. @{
    Point from, to;  /// @}

    PGCLIENT_API static Expected<LineSegment> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const LineSegment&, const LineSegment&) = default;
};

/// All points with `a x + b y + c = 0`: `{a,b,c}`. Value. The server refuses one with `a` and `b` both zero.
struct Line {
    /// The coefficients. @{
    double a = 0, b = 1, c = 0;  /// @}

    PGCLIENT_API static Expected<Line> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const Line&, const Line&) = default;
};

/// `(x1,y1),(x2,y2)`: the upper right corner, then the lower left one. Value. The server swaps them where it must.
struct Box {
    /// The corners, in the order of the text. @{
    Point high, low;  /// @}

    PGCLIENT_API static Expected<Box> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const Box&, const Box&) = default;
};

/// `[(x1,y1),…]`, or `((x1,y1),…)` for a closed one. Value. The server refuses one without points.
struct Path {
    std::vector<Point> points;  ///< in the order of the text
    bool is_closed = false;     ///< whether the last point joins the first

    PGCLIENT_API static Expected<Path> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const Path&, const Path&) = default;
};

/// `((x1,y1),…)`. Value. The server refuses one without points.
struct Polygon {
    std::vector<Point> points;  ///< in the order of the text; the last joins the first

    PGCLIENT_API static Expected<Polygon> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const Polygon&, const Polygon&) = default;
};

/// `<(x,y),radius>`. Value.
struct Circle {
    Point center;       ///< `(x,y)`
    double radius = 0;  ///< the server refuses a negative one

    PGCLIENT_API static Expected<Circle> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const Circle&, const Circle&) = default;
};

}  // namespace geo

template <>
struct Codec<geo::Point> : detail::OwnType<geo::Point> {
    static constexpr TypeId type{Oid{600}, Oid{1017}, "point"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, geo::Point& out);
    PGCLIENT_API static Fault encode(Writer& out, const geo::Point& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const geo::Point& value);
};
template <>
struct Codec<geo::LineSegment> : detail::OwnType<geo::LineSegment> {
    static constexpr TypeId type{Oid{601}, Oid{1018}, "lseg"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, geo::LineSegment& out);
    PGCLIENT_API static Fault encode(Writer& out, const geo::LineSegment& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const geo::LineSegment& value);
};
template <>
struct Codec<geo::Line> : detail::OwnType<geo::Line> {
    static constexpr TypeId type{Oid{628}, Oid{629}, "line"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, geo::Line& out);
    PGCLIENT_API static Fault encode(Writer& out, const geo::Line& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const geo::Line& value);
};
template <>
struct Codec<geo::Box> : detail::OwnType<geo::Box> {
    static constexpr TypeId type{Oid{603}, Oid{1020}, "box"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, geo::Box& out);
    PGCLIENT_API static Fault encode(Writer& out, const geo::Box& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const geo::Box& value);
};
template <>
struct Codec<geo::Path> : detail::OwnType<geo::Path> {
    static constexpr TypeId type{Oid{602}, Oid{1019}, "path"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, geo::Path& out);
    PGCLIENT_API static Fault encode(Writer& out, const geo::Path& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const geo::Path& value);
};
template <>
struct Codec<geo::Polygon> : detail::OwnType<geo::Polygon> {
    static constexpr TypeId type{Oid{604}, Oid{1027}, "polygon"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, geo::Polygon& out);
    PGCLIENT_API static Fault encode(Writer& out, const geo::Polygon& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const geo::Polygon& value);
};
template <>
struct Codec<geo::Circle> : detail::OwnType<geo::Circle> {
    static constexpr TypeId type{Oid{718}, Oid{719}, "circle"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, geo::Circle& out);
    PGCLIENT_API static Fault encode(Writer& out, const geo::Circle& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const geo::Circle& value);
};

}  // namespace pg
