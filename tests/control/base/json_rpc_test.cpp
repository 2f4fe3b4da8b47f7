// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/json_rpc.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

int code_of(std::string_view line) {
  const auto request = parse_rpc_request(line);
  return request ? 0 : request.error().error.code;
}

TEST(JsonRpc, ReadsARequestAndANotification) {
  const auto request =
      parse_rpc_request(R"({"jsonrpc":"2.0","id":7,"method":"bridge.list","params":{"names":["br0"]}})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->id, 7);
  EXPECT_EQ(request->method, "bridge.list");
  EXPECT_FALSE(request->notification);
  EXPECT_EQ(request->params["names"][0], "br0");
  const auto notification = parse_rpc_request(R"({"jsonrpc":"2.0","method":"x"})");
  ASSERT_TRUE(notification.has_value());
  EXPECT_TRUE(notification->notification);
}

TEST(JsonRpc, RefusesWhatIsNoRequest) {
  EXPECT_EQ(code_of("nonsense"), kRpcParseError);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0")"), kRpcParseError);
  EXPECT_EQ(code_of(std::string(100000, '[')), kRpcParseError);
  EXPECT_EQ(code_of("[]"), kRpcInvalidRequest);
  EXPECT_EQ(code_of("5"), kRpcInvalidRequest);
  EXPECT_EQ(code_of(R"({"id":1,"method":"x"})"), kRpcInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":{},"method":"x"})"), kRpcInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":5})"), kRpcInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"x","params":[]})"), kRpcInvalidParams);
}

TEST(JsonRpc, BracketsWithinStringsAreNoDepth) {
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"[[[[[[[[[[[[[[[[[[[[[[[[\"[[[[[[["})"), 0);
}

TEST(JsonRpc, WritesOneLineEachWhateverTheTextHolds) {
  const std::string line = rpc_error_line(1, {kRpcOperationFailed, "two\nlines \xff", "busy", "tap0"});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["error"]["data"]["kind"], "busy");
  EXPECT_EQ(parsed["error"]["data"]["name"], "tap0");
}

}  // namespace
}  // namespace rb
