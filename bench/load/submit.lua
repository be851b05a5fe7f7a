-- Submits loans of different customers: three of five below the review band, one within it, one above.
math.randomseed(os.time())

local amounts = { "5000.50", "750.00", "9999.99", "25000.00", "600000.00" }
local types = { "PERSONAL", "HOME", "AUTO", "BUSINESS" }

local headers = { ["content-type"] = "application/json" }
if os.getenv("TOKEN") ~= "" then headers["authorization"] = "Bearer " .. os.getenv("TOKEN") end

function request()
  local phone = string.format("+1%03d%07d", 201 + 2 * math.random(0, 390), 2000000 + math.random(0, 7999999))
  local body = string.format(
    '{"customer_name": "Ada Lovelace", "customer_phone": "%s", "loan_amount": "%s", "loan_type": "%s"}',
    phone, amounts[math.random(5)], types[math.random(4)])
  return wrk.format("POST", "/api/v1/loans", headers, body)
end

require("said")
