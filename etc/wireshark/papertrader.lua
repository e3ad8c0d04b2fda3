-- PaperTrader: a dissector for Wireshark and tshark, 3.6 or newer (Lua 5.2 to 5.4).
--
-- Made from the description of the protocol by `ptcat describe --wireshark`: change src/description/dissector.lua or
-- the tables that the servers run on, and run `make describe`. README.md beside it says how to install and use it.
--
-- Its parts, in order: the description; patterns; fields; values as text; reading a message; the state of a
-- connection; payloads; the tree; streams of bytes; registration.

---------------------------------------------------------------------------------------------------
-- The description of the protocol (made, see above)
---------------------------------------------------------------------------------------------------

local D = {
  header_bytes = 17,
  data_max = 8192,
  link_first = 1040,
  worker_port = "2049",
  master_port = "2048",
  header = {
    { name = "messageType", offset = 0, bytes = 1 },
    { name = "instruction", offset = 1, bytes = 2 },
    { name = "dataSize", offset = 3, bytes = 4 },
    { name = "argumentCount", offset = 7, bytes = 2 },
    { name = "dataMessageNumber", offset = 9, bytes = 4 },
    { name = "dataMessageMax", offset = 13, bytes = 4 },
  },
  message_types = { [1] = "command", [2] = "data transfer", [3] = "server return", [4] = "control" },
  lists = {
    orderKinds = { [0] = "market", [1] = "limit", [2] = "stop", [3] = "stop-limit", [4] = "trailing" },
    sides = { [1] = "buy", [2] = "sell", [3] = "split", [4] = "dividend" },
    statuses = { [0] = "queued", [1] = "settled", [2] = "rejected", [3] = "open", [4] = "cancelled", [5] = "expired" },
  },
  codes = {
    faults = { ["bad-frame"] = "A message that is not well formed.", ["too-large"] = "A dataSize over 8,192.", ["unknown-instruction"] = "A number that no instruction has.", ["argument-count"] = "A wrong number of arguments.", ["not-allowed"] = "An instruction that this peer may not send on this port.", ["timeout"] = "A message that is not complete in time, or a connection that is idle too long.", ["too-many-connections"] = "No capacity for another connection.", ["shutting-down"] = "The server is stopping." },
    linkRefusals = { ["version"] = "worker and master speak different versions of the link: upgrade the older one", ["not-admitted"] = "no worker with this UUID may link from this address", ["overloaded"] = "try again later", ["bad-frame"] = "not a message of the handshake", ["stale"] = "the clocks of worker and master differ by more than 10 minutes", ["key-unusable"] = "the key registered for this worker cannot be used: see the master's log", ["bad-proof"] = "the worker has not proven itself: see the master's log", ["timeout"] = "the handshake was not whole in time", ["internal-error"] = "the master failed: see its log" },
    reasons = { ["bad-credentials"] = "In login: unknown username, wrong password, or one of the two not of its form.", ["too-many-attempts"] = "Too many failed logins for this name and address, or from this address; too many registrations from it.", ["session-expired"] = "A session ID that is malformed, unknown, expired or ended; in the data state, also when the connection's own session has ended.", ["username-invalid"] = "In register: not of its form.", ["username-taken"] = "Another account has the username, in this or another case.", ["email-invalid"] = "The address is not of its form.", ["email-taken"] = "Another account has the address, in this or another spelling.", ["password-invalid"] = "In register: a hashedPass that is not of its form.", ["unknown-asset"] = "Not of a symbol's form, or an asset that this deployment does not retrieve.", ["unknown-user"] = "Where data of a user are requested: not of a username's form, or no such account.", ["quantity-invalid"] = "Not of its form, or an order beyond the limit of values.", ["date-invalid"] = "Not of its form, a day that does not exist, or a forecast for a date that is not after the latest bar.", ["argument-invalid"] = "An isExpirable, clientOrderID, adjustment or transaction ID that is not of its form.", ["insufficient-funds"] = "Less cash than the order needs: when it is accepted, at the latest price and beside what earlier orders hold back; and again at settlement.", ["insufficient-holdings"] = "Fewer units than the order sells: when it is accepted, beside what earlier orders sell; and again at settlement.", ["clientOrderID-reused"] = "The account has used the clientOrderID for an order with other terms.", ["wrong-state"] = "A command in the data state, or a data instruction in the command state.", ["state-invalid"] = "A state that is neither `command` nor `data`.", ["no-data"] = "A getAssetInfo of an asset without a bar; too little history for a forecast; a transaction that is not one's own.", ["no-price"] = "A getAssetValueCurrent of an asset without a bar; an order whose asset has no new price that is believed within 14 days of market time; any order after the end of a replay.", ["overloaded"] = "A queue or the pool that hashes passwords is full; try again later.", ["master-unavailable"] = "The worker has no link to the master, and the request was not sent.", ["internal-error"] = "The server failed; its log has the cause.", ["third-party-login"] = "The account has no password: sign in with one of the providers that the text names.", ["provider-unknown"] = "The deployment has no provider of this name, or none with this method.", ["provider-unavailable"] = "The provider did not answer in time, or not as it should.", ["identity-taken"] = "Another account has the identity.", ["code-invalid"] = "A code that is wrong, used or expired.", ["account-locked"] = "An administrator has locked the account. Said to the right password or identity alone.", ["scope"] = "The session is a token, which does not allow this.", ["name-invalid"] = "A token's name that is not of its form, or that another token of the account has.", ["login-again"] = "The login of the session is too long ago for this: log in anew, and try again.", ["not-open"] = "The order has ended already: it was filled, rejected or expired.", ["price-invalid"] = "A limit, a stop or a trailing distance that is not of its form, that the kind of the order does not have, or that cannot be.", ["kind-invalid"] = "No such kind of order.", ["cancelled"] = "The owner or the administrator cancelled the order.", ["replaced"] = "Another order is in the place of this one.", ["expired"] = "The time in force of the order has ended." },
    statuses = { ["queued"] = "The order waits on the durable queue.", ["settled"] = "The order was filled, or the split or dividend was applied.", ["rejected"] = "The order failed at settlement, for the reason in its row.", ["open"] = "The order waits in the book for a price that fills it.", ["cancelled"] = "The order was cancelled before it was filled.", ["expired"] = "The order's time in force ended before it was filled." },
  },
  types = {
    AccountValue = { pattern = "(?:0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4(?:[01][0-9]{8}|2(?:[0-8][0-9]{7}|9(?:[0-3][0-9]{6}|4(?:[0-8][0-9]{5}|9(?:[0-5][0-9]{4}|6(?:[0-6][0-9]{3}|7(?:[01][0-9]{2}|2(?:[0-8][0-9]|9[0-5]))))))))|[0-9a-f]{64})", secret = true },
    Adjustment = { pattern = "raw|adjusted" },
    BrowserSecret = { pattern = "[\\u0021-\\u007e]+", min = 1, max = 2048, secret = true },
    CanonicalMoney = { pattern = "(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{0,5}[1-9])?", most = 9000000000000 },
    CanonicalMoneyOrDash = { pattern = "-|(?:(?:0|[1-9][0-9]{0,11}|[1-8][0-9]{12})(?:\\.[0-9]{0,5}[1-9])?|9000000000000)", none = "-" },
    CanonicalQuantity = { pattern = "(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{0,5}[1-9])?", most = 9000000000000 },
    CanonicalTime = { pattern = "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z" },
    ClientOrderId = { pattern = "[A-Za-z0-9._:\\-]{1,64}" },
    ClientOrderIdOrDash = { pattern = "[A-Za-z0-9._:\\-]{1,64}", none = "-" },
    Date = { pattern = "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{3})?Z)?" },
    Days = { pattern = "[1-9][0-9]?|[12][0-9]{2}|3[0-5][0-9]|36[0-6]" },
    DroppedCount = { pattern = "0|[1-9][0-9]{0,8}" },
    Email = { pattern = "[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*", min = 3, max = 321 },
    EmailOrDash = { pattern = "-|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@|@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+", min = 1, max = 321, none = "-" },
    EndReasonCode = { pattern = "[A-Za-z][A-Za-z0-9\\-]{0,63}", list = "reasons" },
    FaultCode = { pattern = "[A-Za-z][A-Za-z0-9\\-]{0,63}", list = "faults" },
    Flag = { pattern = "true|false" },
    HashedPass = { pattern = "[0-9a-f]{64}", secret = true },
    HashedPassOrDash = { pattern = "[0-9a-f]{64}|-", none = "-", secret = true },
    IdentityProviderName = { pattern = "[a-z0-9\\-]{1,24}" },
    LinkCode = { pattern = "[A-Za-z][A-Za-z0-9\\-]{0,63}", list = "linkRefusals" },
    NameValue = { pattern = "[a-z][a-z0-9\\-]{0,31}=[\\u0021-\\u007e]{1,256}" },
    OrderAmount = { pattern = "(?:cash:)?(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))" },
    OrderAmountOrDash = { pattern = "-|(?:cash:)?(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))", none = "-" },
    OrderKind = { pattern = "market|limit|stop|stop-limit|trailing" },
    OrderSide = { pattern = "buy|sell" },
    PageCount = { pattern = "[1-9][0-9]{0,2}|1000" },
    PollSeconds = { pattern = "[1-9][0-9]{0,3}" },
    PriceOrDash = { pattern = "-|(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))", none = "-" },
    Quantity = { pattern = "[0-9]{1,12}(?:\\.[0-9]{1,6})?", above = 0 },
    QuoteValue = { pattern = "[A-Z0-9.\\/=\\-]{1,16}=(?:(?:0|[1-9][0-9]{0,11}|[1-8][0-9]{12})(?:\\.[0-9]{0,5}[1-9])?|9000000000000)" },
    ReasonCode = { pattern = "[A-Za-z][A-Za-z0-9\\-]{0,63}", list = "reasons" },
    RedirectUri = { pattern = "[\\u0021-\\u007e]+", min = 1, max = 2048 },
    ResetCode = { pattern = "(?:[0-9ABCDEFGHIJKLMNOPQRSTVWXYZabcdefghijklmnopqrstvwxyz]-?){20}", min = 20, max = 40, secret = true },
    SessionId = { pattern = "[0-9a-f]{64}", secret = true },
    SessionSelection = { pattern = "others|all|[0-9a-f]{8,16}" },
    SignInHandle = { pattern = "[0-9a-f]{64}", secret = true },
    SignInMethod = { pattern = "device|redirect" },
    State = { pattern = "command|data" },
    StatusWord = { pattern = "[A-Za-z][A-Za-z0-9\\-]{0,63}", list = "statuses" },
    StopOrDash = { pattern = "-|(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))|(?:(?:[1-9][0-9]?|0[1-9])(?:\\.[0-9]{1,4})?|0{1,2}\\.(?:[1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|0{2}[1-9][0-9]?|0{3}[1-9]))\\u0025", none = "-" },
    Symbol = { pattern = "[A-Z0-9.\\/=\\-]{1,16}" },
    Text = {},
    TimeInForce = { pattern = "day|gtc|(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{3})?Z)?" },
    TokenName = { pattern = "[A-Za-z0-9._\\-]{1,32}" },
    TokenScope = { pattern = "read|trade" },
    Topic = { pattern = "orders|quotes(?::[A-Z0-9.\\/=\\-]{1,16})?" },
    TransactionId = { pattern = "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}" },
    TransactionIdOrDash = { pattern = "-|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", none = "-" },
    UserCode = { pattern = "[\\u0021-\\u007e]+", min = 1, max = 64, none = "-" },
    Username = { pattern = "[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}" },
    UsernameOrDash = { pattern = "[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}|-", none = "-" },
    UsernameOrEmail = { pattern = "[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+|@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+", min = 1, max = 321 },
    WebAddress = { pattern = "[\\u0021-\\u007e]+", min = 1, max = 6000 },
    WorkerAddress = { pattern = "(?:[^:\\[\\]\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+|\\[(?:(?:[0-9A-Fa-f]{1,4}:){6}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|::(?:[0-9A-Fa-f]{1,4}:){5}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,0}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){4}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,1}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){3}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,2}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){2}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,3}[0-9A-Fa-f]{1,4})?::[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,4}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,5}[0-9A-Fa-f]{1,4})?::[0-9A-Fa-f]{1,4}|(?:(?:[0-9A-Fa-f]{1,4}:){0,6}[0-9A-Fa-f]{1,4})?::)\\]):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])" },
  },
  scalars = {
    count = { encoding = "integer", bytes = 4 },
    duration = { encoding = "integer", bytes = 8, signed = true },
    flag = { encoding = "integer", bytes = 1, most = 1 },
    money = { encoding = "integer", bytes = 8, signed = true, scale = 6 },
    noiseMessage = { encoding = "bytes", bytes = 48 },
    nonce = { encoding = "bytes", bytes = 32 },
    percent = { encoding = "integer", bytes = 4, scale = 4 },
    quantity = { encoding = "integer", bytes = 8, signed = true, scale = 6 },
    rest = { encoding = "rest" },
    sessionHash = { encoding = "bytes", bytes = 32 },
    share = { encoding = "integer", bytes = 2, most = 10000 },
    side = { encoding = "integer", bytes = 1, list = "sides" },
    status = { encoding = "integer", bytes = 1, list = "statuses" },
    symbol = { encoding = "text", length_bytes = 2, type = "Symbol" },
    text = { encoding = "text", length_bytes = 2 },
    time = { encoding = "integer", bytes = 8, signed = true },
    u16 = { encoding = "integer", bytes = 2 },
    u32 = { encoding = "integer", bytes = 4 },
    u64 = { encoding = "integer", bytes = 8 },
    u8 = { encoding = "integer", bytes = 1 },
    uuid = { encoding = "bytes", bytes = 16 },
  },
  layouts = {
    -- What an account has, may spend and has gained; positions sorted by the bytes of their symbol. Losses are below 0.
    AccountSummary = {
      { name = "cash", scalar = "money" },
      { name = "reserved", scalar = "money" },
      { name = "buyingPower", scalar = "money" },
      { name = "value", scalar = "money" },
      { name = "equity", scalar = "money" },
      { name = "dayChange", scalar = "money" },
      { name = "realised", scalar = "money" },
      { name = "unrealised", scalar = "money" },
      { name = "fees", scalar = "money" },
      { name = "count", scalar = "count" },
      { name = "positions", layout = "PositionSummary", times = "count" },
      { name = "update", scalar = "u64" },
    },
    -- An asset with the bar of its latest day.
    AssetInfo = {
      { name = "symbol", scalar = "symbol" },
      { name = "day", layout = "Bar" },
    },
    -- A bar, 48 bytes.
    Bar = {
      { name = "time", scalar = "time" },
      { name = "open", scalar = "money" },
      { name = "high", scalar = "money" },
      { name = "low", scalar = "money" },
      { name = "close", scalar = "money" },
      { name = "volume", scalar = "u64" },
    },
    -- Bars, oldest first, without a count. An empty payload is an empty list.
    Bars = {
      { name = "bars", layout = "Bar", times = "*" },
    },
    -- A predicted value, and the bounds of its 95 % interval.
    Forecast = {
      { name = "method", scalar = "text" },
      { name = "time", scalar = "time" },
      { name = "value", scalar = "money" },
      { name = "low", scalar = "money" },
      { name = "high", scalar = "money" },
    },
    -- The identities of an account, oldest first.
    Identities = {
      { name = "count", scalar = "count" },
      { name = "identities", layout = "Identity", times = "count" },
    },
    -- An identity of an account, as its owner sees it.
    Identity = {
      { name = "providers", scalar = "text" },
      { name = "issuer", scalar = "text" },
      { name = "subject", scalar = "text" },
      { name = "linked", scalar = "time" },
    },
    -- Answers linkHello.
    LinkChallenge = {
      { name = "nonce", scalar = "nonce" },
    },
    -- Opens the handshake.
    LinkHello = {
      { name = "version", scalar = "u16" },
      { name = "worker", scalar = "uuid" },
      { name = "nonce", scalar = "nonce" },
    },
    -- A GPG message, signed by the master and encrypted to the worker: its statement. Then the first message of Noise.
    LinkNoise1 = {
      { name = "length", scalar = "u16" },
      { name = "message", scalar = "u8", times = "length" },
      { name = "noise", scalar = "noiseMessage" },
    },
    -- The second message of Noise.
    LinkNoise2 = {
      { name = "noise", scalar = "noiseMessage" },
    },
    -- An update.
    LinkPrices = {
      { name = "update", scalar = "u64" },
      { name = "marketTime", scalar = "time" },
      { name = "published", scalar = "time" },
      { name = "next", scalar = "time" },
    },
    -- A GPG message, signed by the worker and encrypted to the master: its statement.
    LinkProof = {
      { name = "message", scalar = "rest" },
    },
    -- The state of a worker.
    LinkReport = {
      { name = "version", scalar = "text" },
      { name = "uptime", scalar = "duration" },
      { name = "connections", scalar = "u32" },
      { name = "sessions", scalar = "u32" },
      { name = "windows", scalar = "u32" },
      { name = "bytes", scalar = "u64" },
      { name = "waiting", scalar = "u32" },
      { name = "name", scalar = "text" },
      { name = "advertise", scalar = "text" },
      { name = "certificate", scalar = "time" },
    },
    -- Whether a session is active.
    LinkSession = {
      { name = "hash", scalar = "sessionHash" },
      { name = "active", scalar = "flag" },
      { name = "username", scalar = "text", when = { field = "active", mask = 255, equals = 1 } },
      { name = "expiry", scalar = "time", when = { field = "active", mask = 255, equals = 1 } },
      { name = "expirable", scalar = "flag", when = { field = "active", mask = 255, equals = 1 } },
    },
    -- Asks whether a session is active.
    LinkSessionQuestion = {
      { name = "hash", scalar = "sessionHash" },
    },
    -- Asks whether a session is active, and for the ends of its account's orders.
    LinkWatchOrders = {
      { name = "hash", scalar = "sessionHash" },
    },
    -- What a worker must know of its master.
    LinkWelcome = {
      { name = "now", scalar = "time" },
      { name = "updateInterval", scalar = "duration" },
      { name = "version", scalar = "text" },
      { name = "name", scalar = "text" },
      { name = "address", scalar = "text" },
    },
    -- Texts.
    List = {
      { name = "count", scalar = "count" },
      { name = "texts", scalar = "text", times = "count" },
    },
    -- An order that has no outcome yet.
    OpenOrder = {
      { name = "id", scalar = "uuid" },
      { name = "side", scalar = "side" },
      { name = "status", scalar = "status" },
      { name = "symbol", scalar = "symbol" },
      { name = "accepted", scalar = "time" },
      { name = "quantity", scalar = "quantity" },
      { name = "order", layout = "OrderParameters" },
      { name = "until", scalar = "time" },
      { name = "triggered", scalar = "flag" },
      { name = "reserve", scalar = "money" },
      { name = "clientOrderID", scalar = "text" },
    },
    -- The orders of an account that have no outcome yet, newest first.
    OpenOrders = {
      { name = "count", scalar = "count" },
      { name = "orders", layout = "OpenOrder", times = "count" },
    },
    -- What an order says beside its quantity, in the units of now.
    OrderParameters = {
      { name = "kind", scalar = "text" },
      { name = "limit", scalar = "money" },
      { name = "stop", scalar = "money" },
      { name = "stopPercent", scalar = "percent" },
      { name = "timeInForce", scalar = "text" },
      { name = "cash", scalar = "money" },
    },
    -- A transaction of a page.
    PageEntry = {
      { name = "id", scalar = "uuid" },
      { name = "side", scalar = "side" },
      { name = "status", scalar = "status" },
      { name = "symbol", scalar = "symbol" },
      { name = "accepted", scalar = "time" },
      { name = "settled", scalar = "time" },
      { name = "quantity", scalar = "quantity", when = { field = "private", mask = 255, equals = 1 } },
      { name = "price", scalar = "money", when = { field = "private", mask = 255, equals = 1 } },
      { name = "total", scalar = "money", when = { field = "private", mask = 255, equals = 1 } },
      { name = "priced", scalar = "time", when = { field = "private", mask = 255, equals = 1 } },
      { name = "clientOrderID", scalar = "text", when = { field = "private", mask = 255, equals = 1 } },
      { name = "reason", scalar = "text", when = { field = "private", mask = 255, equals = 1 } },
      { name = "order", layout = "OrderParameters", when = { field = "private", mask = 255, equals = 1 } },
      { name = "fee", scalar = "money", when = { field = "private", mask = 255, equals = 1 } },
      { name = "cause", scalar = "text", when = { field = "private", mask = 255, equals = 1 } },
      { name = "note", scalar = "text", when = { field = "private", mask = 255, equals = 1 } },
    },
    -- Positions, sorted by the bytes of their symbol.
    Portfolio = {
      { name = "private", scalar = "flag" },
      { name = "count", scalar = "count" },
      { name = "cash", scalar = "money", when = { field = "private", mask = 255, equals = 1 } },
      { name = "positions", layout = "Position", times = "count", when = { field = "private", mask = 255, equals = 1 } },
      { name = "positions", layout = "PositionShare", times = "count", when = { field = "private", mask = 255, equals = 0 } },
    },
    -- A position, as its owner sees it.
    Position = {
      { name = "symbol", scalar = "symbol" },
      { name = "quantity", scalar = "quantity" },
      { name = "averageCost", scalar = "money" },
      { name = "value", scalar = "money" },
    },
    -- A position, as others see it.
    PositionShare = {
      { name = "symbol", scalar = "symbol" },
      { name = "share", scalar = "share" },
    },
    -- A position with what it gained.
    PositionSummary = {
      { name = "symbol", scalar = "symbol" },
      { name = "units", scalar = "quantity" },
      { name = "promised", scalar = "quantity" },
      { name = "cost", scalar = "money" },
      { name = "value", scalar = "money" },
      { name = "previousClose", scalar = "money" },
      { name = "realised", scalar = "money" },
    },
    -- An asset of an update.
    PriceRow = {
      { name = "symbol", scalar = "symbol" },
      { name = "has", scalar = "u8" },
      { name = "quote", layout = "Quote", when = { field = "has", mask = 1, equals = 1 } },
      { name = "day", layout = "Bar", when = { field = "has", mask = 2, equals = 2 } },
      { name = "previousClose", scalar = "money", when = { field = "has", mask = 16, equals = 16 } },
      { name = "name", scalar = "text", when = { field = "has", mask = 32, equals = 32 } },
      { name = "factor", scalar = "u64", when = { field = "has", mask = 32, equals = 32 } },
    },
    -- All assets, sorted by symbol.
    PriceRows = {
      { name = "rows", layout = "PriceRow", times = "*" },
    },
    -- A price, 16 bytes.
    Quote = {
      { name = "time", scalar = "time" },
      { name = "value", scalar = "money" },
    },
    -- All assets, sorted by the bytes of their symbol.
    QuoteList = {
      { name = "count", scalar = "count" },
      { name = "quotes", layout = "QuoteListRow", times = "count" },
      { name = "update", scalar = "u64" },
    },
    -- An asset with its price, its day so far and what it is called. Without a price all values are 0.
    QuoteListRow = {
      { name = "symbol", scalar = "symbol" },
      { name = "name", scalar = "text" },
      { name = "factor", scalar = "u64" },
      { name = "flags", scalar = "u8" },
      { name = "time", scalar = "time" },
      { name = "value", scalar = "money" },
      { name = "previousClose", scalar = "money" },
      { name = "open", scalar = "money" },
      { name = "high", scalar = "money" },
      { name = "low", scalar = "money" },
      { name = "volume", scalar = "u64" },
    },
    -- The explanation of a fill, in reading order.
    Receipt = {
      { name = "count", scalar = "count" },
      { name = "lines", layout = "ReceiptLine", times = "count" },
    },
    -- A line of a receipt, for people.
    ReceiptLine = {
      { name = "name", scalar = "text" },
      { name = "value", scalar = "text" },
    },
    -- A session of a login, as its owner sees it.
    Session = {
      { name = "id", scalar = "text" },
      { name = "current", scalar = "flag" },
      { name = "expirable", scalar = "flag" },
      { name = "method", scalar = "text" },
      { name = "expiry", scalar = "time" },
      { name = "made", scalar = "time" },
      { name = "madeClient", scalar = "text" },
      { name = "madeWorker", scalar = "text" },
      { name = "used", scalar = "time" },
      { name = "usedClient", scalar = "text" },
      { name = "usedWorker", scalar = "text" },
    },
    -- At most 250 sessions.
    SessionHashes = {
      { name = "hashes", scalar = "sessionHash", times = "*" },
    },
    -- The sessions of an account's logins, newest first.
    Sessions = {
      { name = "count", scalar = "count" },
      { name = "sessions", layout = "Session", times = "count" },
    },
    -- A token, as its owner sees it.
    Token = {
      { name = "name", scalar = "text" },
      { name = "id", scalar = "text" },
      { name = "scope", scalar = "text" },
      { name = "expiry", scalar = "time" },
      { name = "made", scalar = "time" },
      { name = "madeClient", scalar = "text" },
      { name = "madeWorker", scalar = "text" },
      { name = "used", scalar = "time" },
      { name = "usedClient", scalar = "text" },
      { name = "usedWorker", scalar = "text" },
    },
    -- The tokens of an account, newest first.
    Tokens = {
      { name = "count", scalar = "count" },
      { name = "tokens", layout = "Token", times = "count" },
    },
    -- An order, or what a corporate action did.
    Transaction = {
      { name = "id", scalar = "uuid" },
      { name = "side", scalar = "side" },
      { name = "status", scalar = "status" },
      { name = "symbol", scalar = "symbol" },
      { name = "accepted", scalar = "time" },
      { name = "settled", scalar = "time" },
      { name = "quantity", scalar = "quantity", when = { field = "private", mask = 255, equals = 1 } },
      { name = "price", scalar = "money", when = { field = "private", mask = 255, equals = 1 } },
      { name = "total", scalar = "money", when = { field = "private", mask = 255, equals = 1 } },
      { name = "priced", scalar = "time", when = { field = "private", mask = 255, equals = 1 } },
      { name = "clientOrderID", scalar = "text", when = { field = "private", mask = 255, equals = 1 } },
      { name = "reason", scalar = "text", when = { field = "private", mask = 255, equals = 1 } },
    },
    -- Transactions, newest first, of all statuses. Fewer than were asked for: there are no older ones.
    TransactionPage = {
      { name = "private", scalar = "flag" },
      { name = "count", scalar = "count" },
      { name = "transactions", layout = "PageEntry", times = "count" },
    },
    -- Transactions, newest first, by time of acceptance and then by order number. Queued and rejected orders are among them, orders that were refused before they were queued are not.
    Transactions = {
      { name = "private", scalar = "flag" },
      { name = "count", scalar = "count" },
      { name = "transactions", layout = "Transaction", times = "count" },
    },
    -- An account.
    UserInfo = {
      { name = "private", scalar = "flag" },
      { name = "username", scalar = "text" },
      { name = "isPassword", scalar = "flag" },
      { name = "created", scalar = "time" },
      { name = "email", scalar = "text", when = { field = "private", mask = 255, equals = 1 } },
      { name = "cash", scalar = "money", when = { field = "private", mask = 255, equals = 1 } },
    },
  },
  instructions = {
    [0x0101] = { name = "login", direction = "request", states = { ["command"] = true }, arguments = { { name = "username", type = "Username", reason = "bad-credentials" }, { name = "hashedPass", type = "HashedPass", reason = "bad-credentials" }, { name = "isExpirable", type = "Flag", reason = "argument-invalid" } }, answers = { [0x0302] = { outcome = "success" }, [0x0301] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["too-many-attempts"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["third-party-login"] = true, ["account-locked"] = true } } }, about = "Logs in with a password. If isExpirable is `true`, the session ends with the connection." },
    [0x0102] = { name = "login", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x0302] = { outcome = "success" }, [0x0301] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "Tells whether a session is active, and names the workers again." },
    [0x0103] = { name = "register", direction = "request", states = { ["command"] = true }, arguments = { { name = "username", type = "Username", reason = "username-invalid" }, { name = "email", type = "Email", reason = "email-invalid" }, { name = "hashedPass", type = "HashedPass", reason = "password-invalid" } }, answers = { [0x0303] = { outcome = "success" }, [0x0304] = { outcome = "failure", reasons = { ["too-many-attempts"] = true, ["username-invalid"] = true, ["username-taken"] = true, ["email-invalid"] = true, ["email-taken"] = true, ["password-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "Creates an account. It does not log in." },
    [0x0104] = { name = "purchaseAsset", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "name", type = "Symbol", reason = "unknown-asset" }, { name = "quantity", type = "Quantity", reason = "quantity-invalid" }, { name = "clientOrderID", type = "ClientOrderId", optional = true, reason = "argument-invalid" } }, answers = { [0x0305] = { outcome = "success" }, [0x0306] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["quantity-invalid"] = true, ["argument-invalid"] = true, ["insufficient-funds"] = true, ["clientOrderID-reused"] = true, ["wrong-state"] = true, ["no-price"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["cancelled"] = true } } }, about = "Queues a purchase, which settles at the price of the next update. Once it is queued, `transactionQueued` announces it. The answer comes when it has settled." },
    [0x0105] = { name = "sellAsset", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "name", type = "Symbol", reason = "unknown-asset" }, { name = "quantity", type = "Quantity", reason = "quantity-invalid" }, { name = "clientOrderID", type = "ClientOrderId", optional = true, reason = "argument-invalid" } }, answers = { [0x0307] = { outcome = "success" }, [0x0308] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["quantity-invalid"] = true, ["argument-invalid"] = true, ["insufficient-holdings"] = true, ["clientOrderID-reused"] = true, ["wrong-state"] = true, ["no-price"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["cancelled"] = true } } }, about = "Queues a sale, which settles at the price of the next update. Once it is queued, `transactionQueued` announces it. The answer comes when it has settled." },
    [0x0106] = { name = "switchState", direction = "request", states = { ["command"] = true, ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "state", type = "State", reason = "state-invalid" } }, answers = { [0x0309] = { outcome = "success" }, [0x030A] = { outcome = "failure", reasons = { ["session-expired"] = true, ["state-invalid"] = true, ["overloaded"] = true, ["master-unavailable"] = true } } }, about = "Switches the connection to the command state or to the data state, and there binds it to the session. The way back checks only the form of the session ID." },
    [0x0107] = { name = "logout", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x030D] = { outcome = "success" }, [0x030E] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "Ends a session." },
    [0x0108] = { name = "changePassword", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "hashedPass", type = "HashedPassOrDash", reason = "bad-credentials" }, { name = "newHashedPass", type = "HashedPass", reason = "password-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["too-many-attempts"] = true, ["session-expired"] = true, ["password-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["login-again"] = true } } }, about = "Changes the password. The old one is `-` where the account has none: that is how it gets its first. All other sessions and all tokens of the account end." },
    [0x0109] = { name = "requestReset", direction = "request", states = { ["command"] = true }, arguments = { { name = "usernameOrEmail", type = "UsernameOrEmail", reason = "argument-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "Asks for a code for a new password, which is sent to the account's e-mail address. The answer comes before anything is looked up, and is always the same." },
    [0x010A] = { name = "resetPassword", direction = "request", states = { ["command"] = true }, arguments = { { name = "username", type = "Username", reason = "code-invalid" }, { name = "code", type = "ResetCode", reason = "code-invalid" }, { name = "newHashedPass", type = "HashedPass", reason = "password-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["too-many-attempts"] = true, ["password-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["code-invalid"] = true, ["account-locked"] = true } } }, about = "Sets a new password with a code, which is used up. All sessions and tokens of the account end, and nobody is logged in." },
    [0x010B] = { name = "deleteAccount", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "hashedPass", type = "HashedPassOrDash", reason = "bad-credentials" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["too-many-attempts"] = true, ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["login-again"] = true } } }, about = "Deletes the account. `-` for the hashedPass where the account has no password." },
    [0x010C] = { name = "endSessions", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "which", type = "SessionSelection", reason = "argument-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["session-expired"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["no-data"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true } } }, about = "Ends sessions of the account. Tokens stay. The value is the number of those ended." },
    [0x010D] = { name = "createToken", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "name", type = "TokenName", reason = "name-invalid" }, { name = "scope", type = "TokenScope", reason = "argument-invalid" }, { name = "days", type = "Days", reason = "argument-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["session-expired"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["name-invalid"] = true, ["login-again"] = true } } }, about = "Makes a token: a session for a program. The value is the token, which is told this once." },
    [0x010E] = { name = "revokeToken", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "name", type = "TokenName", reason = "name-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["no-data"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["name-invalid"] = true } } }, about = "Ends a token." },
    [0x010F] = { name = "beginThirdParty", direction = "request", states = { ["command"] = true }, arguments = { { name = "provider", type = "IdentityProviderName", reason = "provider-unknown" }, { name = "method", type = "SignInMethod", reason = "argument-invalid" }, { name = "redirectURI", type = "RedirectUri", optional = true, reason = "argument-invalid" } }, answers = { [0x0311] = { outcome = "success" }, [0x0301] = { outcome = "failure", reasons = { ["too-many-attempts"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["provider-unknown"] = true, ["provider-unavailable"] = true } } }, about = "Begins a sign-in with a provider of identities." },
    [0x0110] = { name = "awaitThirdParty", direction = "request", states = { ["command"] = true }, arguments = { { name = "handle", type = "SignInHandle", reason = "code-invalid" } }, answers = { [0x0302] = { outcome = "success" }, [0x0312] = { outcome = "success" }, [0x0313] = { outcome = "success" }, [0x0301] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["provider-unavailable"] = true, ["code-invalid"] = true, ["account-locked"] = true } } }, about = "Tells how far a sign-in is, and logs in once the person is known and has an account." },
    [0x0111] = { name = "completeThirdParty", direction = "request", states = { ["command"] = true }, arguments = { { name = "handle", type = "SignInHandle", reason = "code-invalid" }, { name = "code", type = "BrowserSecret", reason = "argument-invalid" }, { name = "state", type = "BrowserSecret", reason = "argument-invalid" } }, answers = { [0x0302] = { outcome = "success" }, [0x0312] = { outcome = "success" }, [0x0313] = { outcome = "success" }, [0x0301] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["provider-unavailable"] = true, ["code-invalid"] = true, ["account-locked"] = true } } }, about = "Gives what a browser brought back from the provider, and goes on as awaitThirdParty." },
    [0x0112] = { name = "registerThirdParty", direction = "request", states = { ["command"] = true }, arguments = { { name = "handle", type = "SignInHandle", reason = "code-invalid" }, { name = "username", type = "Username", reason = "username-invalid" }, { name = "email", type = "EmailOrDash", reason = "email-invalid" } }, answers = { [0x0302] = { outcome = "success" }, [0x0301] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["too-many-attempts"] = true, ["username-invalid"] = true, ["username-taken"] = true, ["email-invalid"] = true, ["email-taken"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["provider-unavailable"] = true, ["identity-taken"] = true, ["code-invalid"] = true, ["account-locked"] = true } } }, about = "Creates an account without a password for the person of a sign-in, and logs in." },
    [0x0113] = { name = "linkThirdParty", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "handle", type = "SignInHandle", reason = "code-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["provider-unavailable"] = true, ["identity-taken"] = true, ["code-invalid"] = true, ["scope"] = true, ["login-again"] = true } } }, about = "Lets the person of a sign-in log in to the account of the session." },
    [0x0114] = { name = "unlinkThirdParty", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "provider", type = "IdentityProviderName", reason = "provider-unknown" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["no-data"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["third-party-login"] = true, ["provider-unknown"] = true, ["scope"] = true, ["login-again"] = true } } }, about = "Takes the identities of a provider from the account, but not its last way in." },
    [0x0115] = { name = "placeOrder", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "side", type = "OrderSide", reason = "argument-invalid" }, { name = "asset", type = "Symbol", reason = "unknown-asset" }, { name = "quantity", type = "OrderAmount", reason = "quantity-invalid" }, { name = "kind", type = "OrderKind", reason = "kind-invalid" }, { name = "limit", type = "PriceOrDash", reason = "price-invalid" }, { name = "stop", type = "StopOrDash", reason = "price-invalid" }, { name = "timeInForce", type = "TimeInForce", reason = "date-invalid" }, { name = "clientOrderID", type = "ClientOrderId", optional = true, reason = "argument-invalid" } }, answers = { [0x0314] = { outcome = "success" }, [0x0316] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["quantity-invalid"] = true, ["date-invalid"] = true, ["argument-invalid"] = true, ["insufficient-funds"] = true, ["insufficient-holdings"] = true, ["clientOrderID-reused"] = true, ["wrong-state"] = true, ["no-price"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["price-invalid"] = true, ["kind-invalid"] = true } } }, about = "Places an order, which fills when a price allows it. The answer comes once it is on disk; how it ends is told by its history and by notices." },
    [0x0116] = { name = "cancelOrder", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "transactionID", type = "TransactionId", reason = "argument-invalid" } }, answers = { [0x0315] = { outcome = "success" }, [0x0316] = { outcome = "failure", reasons = { ["session-expired"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["no-data"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["not-open"] = true } } }, about = "Cancels an order that waits. While an update is under way the answer waits for its settlement." },
    [0x0117] = { name = "replaceOrder", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "transactionID", type = "TransactionId", reason = "argument-invalid" }, { name = "quantity", type = "OrderAmountOrDash", reason = "quantity-invalid" }, { name = "limit", type = "PriceOrDash", reason = "price-invalid" }, { name = "stop", type = "StopOrDash", reason = "price-invalid" }, { name = "clientOrderID", type = "ClientOrderId", optional = true, reason = "argument-invalid" } }, answers = { [0x0314] = { outcome = "success" }, [0x0316] = { outcome = "failure", reasons = { ["session-expired"] = true, ["quantity-invalid"] = true, ["argument-invalid"] = true, ["insufficient-funds"] = true, ["insufficient-holdings"] = true, ["clientOrderID-reused"] = true, ["wrong-state"] = true, ["no-data"] = true, ["no-price"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["not-open"] = true, ["price-invalid"] = true } } }, about = "Places an order in the place of one that waits, which is cancelled with it, or neither. `-` for a quantity or price: as it was. While an update is under way the answer waits for its settlement." },
    [0x0118] = { name = "subscribe", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "topic", type = "Topic", reason = "argument-invalid" } }, answers = { [0x0317] = { outcome = "success" }, [0x0316] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true } } }, about = "Has the server tell by notices what it is not asked for: ends of one's orders, or new prices. Ends with the session or the connection. Subscribing again succeeds." },
    [0x0119] = { name = "unsubscribe", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "topic", type = "Topic", reason = "argument-invalid" } }, answers = { [0x0318] = { outcome = "success" }, [0x0316] = { outcome = "failure", reasons = { ["session-expired"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true } } }, about = "Ends a subscription of this connection, also one that there is not." },
    [0x011A] = { name = "changeEmail", direction = "request", states = { ["command"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "hashedPass", type = "HashedPassOrDash", reason = "bad-credentials" }, { name = "email", type = "EmailOrDash", reason = "email-invalid" } }, answers = { [0x030F] = { outcome = "success" }, [0x0310] = { outcome = "failure", reasons = { ["bad-credentials"] = true, ["too-many-attempts"] = true, ["session-expired"] = true, ["email-invalid"] = true, ["email-taken"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true, ["login-again"] = true } } }, about = "Changes the e-mail address. `-` for the hashedPass where the account has no password; `-` for the address takes it away." },
    [0x0201] = { name = "getAssetInfo", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" } }, answers = { [0x030B] = { outcome = "success", payload = "AssetInfo" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["wrong-state"] = true, ["no-data"] = true, ["overloaded"] = true } } }, about = "An asset with the bar of its latest day." },
    [0x0202] = { name = "getAssetValueCurrent", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" } }, answers = { [0x030B] = { outcome = "success", payload = "Quote" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["wrong-state"] = true, ["no-price"] = true, ["overloaded"] = true } } }, about = "An asset's latest price." },
    [0x0203] = { name = "getAssetValueDay", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" }, { name = "date", type = "Date", reason = "date-invalid" }, { name = "adjustment", type = "Adjustment", optional = true, reason = "argument-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "Bars" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["date-invalid"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "The bars that start after date − 24 h and not after the date. Without data: none." },
    [0x0204] = { name = "getAssetValueWeek", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" }, { name = "date", type = "Date", reason = "date-invalid" }, { name = "adjustment", type = "Adjustment", optional = true, reason = "argument-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "Bars" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["date-invalid"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "The daily bars of the 7 days that end with the date's day. Days without data have none." },
    [0x0205] = { name = "getAssetValueMonth", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" }, { name = "date", type = "Date", reason = "date-invalid" }, { name = "adjustment", type = "Adjustment", optional = true, reason = "argument-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "Bars" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["date-invalid"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "The daily bars of the month that ends with the date's day. Days without data have none." },
    [0x0206] = { name = "getAssetValueYear", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" }, { name = "date", type = "Date", reason = "date-invalid" }, { name = "adjustment", type = "Adjustment", optional = true, reason = "argument-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "Bars" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["date-invalid"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "The monthly bars of the 12 whole months that end with the date's. Months without data have none." },
    [0x0207] = { name = "getAssetValueAllTime", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" }, { name = "adjustment", type = "Adjustment", optional = true, reason = "argument-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "Bars" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "All monthly bars." },
    [0x0208] = { name = "getUserInfo", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "username", type = "Username", reason = "unknown-user" } }, answers = { [0x030B] = { outcome = "success", payload = "UserInfo" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-user"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "An account. Its owner also sees e-mail address and cash." },
    [0x0209] = { name = "getUserPortfolio", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "username", type = "Username", reason = "unknown-user" } }, answers = { [0x030B] = { outcome = "success", payload = "Portfolio" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-user"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "Positions. The owner sees quantities and cash, others see shares." },
    [0x020A] = { name = "getUserTransactionHistory", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "username", type = "Username", reason = "unknown-user" } }, answers = { [0x030B] = { outcome = "success", payload = "Transactions" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-user"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "Transactions, newest first. The owner also sees quantities and prices." },
    [0x020B] = { name = "getAssetValuePredicted", direction = "request", states = { ["data"] = true }, arguments = { { name = "asset", type = "Symbol", reason = "unknown-asset" }, { name = "date", type = "Date", reason = "date-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "Forecast" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-asset"] = true, ["date-invalid"] = true, ["wrong-state"] = true, ["no-data"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "A forecast for a date after the latest bar." },
    [0x020C] = { name = "getAssetList", direction = "request", states = { ["data"] = true }, arguments = {}, answers = { [0x030B] = { outcome = "success", payload = "List" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true } } }, about = "The symbols, sorted by byte." },
    [0x020D] = { name = "getTransactionReceipt", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "transactionID", type = "TransactionId", reason = "argument-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "Receipt" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["no-data"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "The explanation of a fill of one's own." },
    [0x020E] = { name = "getSessions", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x030B] = { outcome = "success", payload = "Sessions" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true } } }, about = "The sessions of the account's logins: where each was made and last used." },
    [0x020F] = { name = "getTokens", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x030B] = { outcome = "success", payload = "Tokens" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true } } }, about = "The account's tokens: what each allows, where it was made and last used." },
    [0x0210] = { name = "getIdentities", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x030B] = { outcome = "success", payload = "Identities" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true } } }, about = "With whom the account's owner signs in beside a password." },
    [0x0211] = { name = "getOpenOrders", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x030B] = { outcome = "success", payload = "OpenOrders" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "The orders of the account that have no outcome yet, newest first." },
    [0x0212] = { name = "getAccountSummary", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x030B] = { outcome = "success", payload = "AccountSummary" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "What the account has, may spend and has gained, with each of its positions." },
    [0x0213] = { name = "getUserTransactionHistoryPage", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" }, { name = "username", type = "Username", reason = "unknown-user" }, { name = "before", type = "TransactionIdOrDash", reason = "argument-invalid" }, { name = "count", type = "PageCount", reason = "argument-invalid" } }, answers = { [0x030B] = { outcome = "success", payload = "TransactionPage" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["unknown-user"] = true, ["argument-invalid"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true } } }, about = "Transactions, newest first, that are older than the one of this ID; `-` for the newest. The owner also sees what each order said." },
    [0x0214] = { name = "getQuoteList", direction = "request", states = { ["data"] = true }, arguments = {}, answers = { [0x030B] = { outcome = "success", payload = "QuoteList" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true } } }, about = "All assets, sorted by byte, with their prices and what they are called." },
    [0x0215] = { name = "getAccountExport", direction = "request", states = { ["data"] = true }, arguments = { { name = "sessionID", type = "SessionId", reason = "session-expired" } }, answers = { [0x030B] = { outcome = "success", payload = "List" }, [0x030C] = { outcome = "failure", reasons = { ["session-expired"] = true, ["wrong-state"] = true, ["overloaded"] = true, ["master-unavailable"] = true, ["internal-error"] = true, ["scope"] = true } } }, about = "All that the deployment has on the account's owner: a text of JSON lines." },
    [0x0301] = { name = "loginFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A login is refused." },
    [0x0302] = { name = "sessionID", direction = "return", states = {}, arguments = { { name = "sessionID", type = "SessionId" }, { name = "worker", type = "WorkerAddress", repeated = true } }, answers = {}, about = "The session, and the available workers. It is valid on all of them." },
    [0x0303] = { name = "registerSuccess", direction = "return", states = {}, arguments = {}, answers = {}, about = "The account exists." },
    [0x0304] = { name = "registerFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A registration is refused." },
    [0x0305] = { name = "purchaseSuccess", direction = "return", states = {}, arguments = { { name = "transactionID", type = "TransactionId" }, { name = "asset", type = "Symbol" }, { name = "quantity", type = "CanonicalQuantity" }, { name = "price", type = "CanonicalMoney" }, { name = "total", type = "CanonicalMoney" }, { name = "time", type = "CanonicalTime" } }, answers = {}, about = "A purchase is settled." },
    [0x0306] = { name = "purchaseFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A purchase is refused or rejected." },
    [0x0307] = { name = "sellSuccess", direction = "return", states = {}, arguments = { { name = "transactionID", type = "TransactionId" }, { name = "asset", type = "Symbol" }, { name = "quantity", type = "CanonicalQuantity" }, { name = "price", type = "CanonicalMoney" }, { name = "total", type = "CanonicalMoney" }, { name = "time", type = "CanonicalTime" } }, answers = {}, about = "A sale is settled." },
    [0x0308] = { name = "sellFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A sale is refused or rejected." },
    [0x0309] = { name = "stateSwitchSuccess", direction = "return", states = {}, arguments = { { name = "state", type = "State" } }, answers = {}, about = "The new state." },
    [0x030A] = { name = "stateSwitchFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A switch of the state is refused." },
    [0x030B] = { name = "data", direction = "return", states = {}, binary = true, arguments = {}, answers = {}, about = "A packet of the request's payload." },
    [0x030C] = { name = "dataFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A data instruction is refused." },
    [0x030D] = { name = "logoutSuccess", direction = "return", states = {}, arguments = {}, answers = {}, about = "The session has ended." },
    [0x030E] = { name = "logoutFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A logout is refused." },
    [0x030F] = { name = "accountSuccess", direction = "return", states = {}, arguments = { { name = "value", type = "AccountValue", optional = true } }, answers = {}, about = "The account is changed. The value is what the request asked for, if anything." },
    [0x0310] = { name = "accountFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "A change of the account is refused." },
    [0x0311] = { name = "thirdPartyStarted", direction = "return", states = {}, arguments = { { name = "handle", type = "SignInHandle" }, { name = "poll", type = "PollSeconds" }, { name = "expiry", type = "CanonicalTime" }, { name = "userCode", type = "UserCode" }, { name = "url", type = "WebAddress" } }, answers = {}, about = "A sign-in has begun: where the person goes, and what they type there." },
    [0x0312] = { name = "thirdPartyPending", direction = "return", states = {}, arguments = {}, answers = {}, about = "The person is not done yet." },
    [0x0313] = { name = "thirdPartyUnknown", direction = "return", states = {}, arguments = { { name = "handle", type = "SignInHandle" }, { name = "username", type = "UsernameOrDash" } }, answers = {}, about = "The person is known, and has no account yet. The username is a suggestion, free or not." },
    [0x0314] = { name = "orderPlaced", direction = "return", states = {}, arguments = { { name = "transactionID", type = "TransactionId" }, { name = "clientOrderID", type = "ClientOrderIdOrDash" }, { name = "status", type = "StatusWord" } }, answers = {}, about = "An order is on disk. The status is that of now." },
    [0x0315] = { name = "orderCancelled", direction = "return", states = {}, arguments = { { name = "transactionID", type = "TransactionId" } }, answers = {}, about = "An order is cancelled." },
    [0x0316] = { name = "orderFail", direction = "return", states = {}, arguments = { { name = "code", type = "ReasonCode" }, { name = "text", type = "Text" } }, answers = {}, about = "An order is refused, or what was asked of one." },
    [0x0317] = { name = "subscribed", direction = "return", states = {}, arguments = { { name = "topic", type = "Topic" } }, answers = {}, about = "The connection is subscribed to the topic." },
    [0x0318] = { name = "unsubscribed", direction = "return", states = {}, arguments = { { name = "topic", type = "Topic" } }, answers = {}, about = "The connection is not subscribed to the topic." },
    [0x0401] = { name = "ping", direction = "both", states = { ["command"] = true, ["data"] = true }, arguments = {}, answers = { [0x0402] = { outcome = "success" } }, about = "Answered with pong. Servers never send it." },
    [0x0402] = { name = "pong", direction = "both", states = { ["command"] = true, ["data"] = true }, arguments = {}, answers = {}, about = "Answers a ping. A client's is ignored." },
    [0x0403] = { name = "getWorkerList", direction = "request", states = { ["command"] = true, ["data"] = true }, arguments = {}, answers = { [0x0404] = { outcome = "success" } }, about = "Asks for the available workers. The only instruction that a master answers." },
    [0x0404] = { name = "workerList", direction = "return", states = {}, arguments = { { name = "worker", type = "WorkerAddress", repeated = true } }, answers = {}, about = "The available workers." },
    [0x0405] = { name = "protocolError", direction = "notice", states = {}, arguments = { { name = "code", type = "FaultCode" }, { name = "text", type = "Text" } }, answers = {}, about = "The client broke the protocol, or the server is stopping. The connection ends." },
    [0x0406] = { name = "transactionQueued", direction = "notice", states = {}, arguments = { { name = "transactionID", type = "TransactionId" }, { name = "clientOrderID", type = "ClientOrderIdOrDash" }, { name = "time", type = "CanonicalTime" } }, answers = {}, about = "The order is on the durable queue. `time` is when it is expected to settle." },
    [0x0407] = { name = "getServerInfo", direction = "request", states = { ["command"] = true, ["data"] = true }, arguments = {}, answers = { [0x0408] = { outcome = "success" } }, about = "Asks what the server is and how its market stands. Answered before any login." },
    [0x0408] = { name = "serverInfo", direction = "return", states = {}, arguments = { { name = "fact", type = "NameValue", repeated = true } }, answers = {}, about = "Facts about the server, in any order. What is not known is left out." },
    [0x0409] = { name = "orderNotice", direction = "notice", states = {}, arguments = { { name = "transactionID", type = "TransactionId" }, { name = "status", type = "StatusWord" }, { name = "asset", type = "Symbol" }, { name = "quantity", type = "CanonicalQuantity" }, { name = "price", type = "CanonicalMoneyOrDash" }, { name = "total", type = "CanonicalMoneyOrDash" }, { name = "time", type = "CanonicalTime" }, { name = "reason", type = "EndReasonCode", optional = true } }, answers = {}, about = "An order has ended. The reason is there where it was rejected, cancelled or expired." },
    [0x040A] = { name = "quoteNotice", direction = "notice", states = {}, arguments = { { name = "marketTime", type = "CanonicalTime" }, { name = "quote", type = "QuoteValue", repeated = true } }, answers = {}, about = "Assets have new prices as of this market time. What does not fit into a message follows in the next one." },
    [0x040B] = { name = "noticesDropped", direction = "notice", states = {}, arguments = { { name = "topic", type = "Topic" }, { name = "count", type = "DroppedCount" } }, answers = {}, about = "So many notices of the topic were dropped, because the client did not read them; 0: it is not known how many. It comes before the next notice of the topic." },
    [0x0410] = { name = "linkHello", direction = "link", states = {}, binary = true, arguments = {}, layouts = { worker = "LinkHello" }, answers = { [0x0411] = { outcome = "success" }, [0x0415] = { outcome = "failure", reasons = { ["version"] = true, ["not-admitted"] = true, ["overloaded"] = true, ["bad-frame"] = true, ["stale"] = true, ["key-unusable"] = true, ["bad-proof"] = true, ["timeout"] = true, ["internal-error"] = true } } }, about = "Opens the handshake." },
    [0x0411] = { name = "linkChallenge", direction = "link", states = {}, binary = true, arguments = {}, layouts = { master = "LinkChallenge" }, answers = { [0x0412] = { outcome = "success" } }, about = "The master's nonce." },
    [0x0412] = { name = "linkProof", direction = "link", states = {}, binary = true, arguments = {}, layouts = { worker = "LinkProof" }, answers = { [0x0413] = { outcome = "success" }, [0x0415] = { outcome = "failure", reasons = { ["version"] = true, ["not-admitted"] = true, ["overloaded"] = true, ["bad-frame"] = true, ["stale"] = true, ["key-unusable"] = true, ["bad-proof"] = true, ["timeout"] = true, ["internal-error"] = true } } }, about = "The worker's signed statement." },
    [0x0413] = { name = "linkNoise1", direction = "link", states = {}, binary = true, arguments = {}, layouts = { master = "LinkNoise1" }, answers = { [0x0414] = { outcome = "success" } }, about = "The master's signed statement, and the first message of Noise." },
    [0x0414] = { name = "linkNoise2", direction = "link", states = {}, binary = true, arguments = {}, layouts = { worker = "LinkNoise2" }, answers = { [0x0415] = { outcome = "failure", reasons = { ["version"] = true, ["not-admitted"] = true, ["overloaded"] = true, ["bad-frame"] = true, ["stale"] = true, ["key-unusable"] = true, ["bad-proof"] = true, ["timeout"] = true, ["internal-error"] = true } } }, about = "The second message of Noise. Sealed records follow." },
    [0x0415] = { name = "linkRefused", direction = "link", states = {}, arguments = { { name = "code", type = "LinkCode" }, { name = "text", type = "Text" } }, answers = {}, about = "The master refuses the link. The connection ends." },
    [0x0420] = { name = "linkWelcome", direction = "link", states = {}, binary = true, arguments = {}, layouts = { master = "LinkWelcome" }, answers = {}, about = "The first message of the master on a new link." },
    [0x0421] = { name = "linkReport", direction = "link", states = {}, binary = true, arguments = {}, layouts = { worker = "LinkReport" }, answers = { [0x0402] = { outcome = "success" } }, about = "The state of the worker, once a second. Answered with pong." },
    [0x0422] = { name = "linkPrices", direction = "link", states = {}, binary = true, arguments = {}, layouts = { master = "LinkPrices" }, answers = {}, about = "An update. Its rows follow as data packets." },
    [0x0423] = { name = "linkWorkers", direction = "link", states = {}, arguments = { { name = "worker", type = "WorkerAddress", repeated = true } }, answers = {}, about = "The available workers." },
    [0x0424] = { name = "linkSession", direction = "link", states = {}, binary = true, arguments = {}, layouts = { worker = "LinkSessionQuestion", master = "LinkSession" }, answers = { [0x0424] = { outcome = "success" } }, about = "Asks whether a session is active, and answers it." },
    [0x0425] = { name = "linkSessionsEnded", direction = "link", states = {}, binary = true, arguments = {}, layouts = { master = "SessionHashes" }, answers = {}, about = "Sessions that have ended." },
    [0x0426] = { name = "linkConnectionClosed", direction = "link", states = {}, binary = true, arguments = {}, layouts = { worker = "SessionHashes" }, answers = { [0x0402] = { outcome = "success" } }, about = "Expirable sessions whose connection has ended. Answered with pong." },
    [0x0427] = { name = "linkBooted", direction = "link", states = {}, arguments = { { name = "text", type = "Text" } }, answers = {}, about = "The worker is booted, and why." },
    [0x0428] = { name = "linkAgain", direction = "link", states = {}, arguments = {}, answers = {}, about = "The request behind it may have been sent before." },
    [0x0429] = { name = "linkServerInfo", direction = "link", states = {}, arguments = { { name = "fact", type = "NameValue", repeated = true } }, answers = {}, about = "The master's facts for serverInfo, on a new link, at each update, and when the market is paused or resumed." },
    [0x042A] = { name = "linkWatchOrders", direction = "link", states = {}, binary = true, arguments = {}, layouts = { worker = "LinkWatchOrders" }, answers = { [0x0424] = { outcome = "success" } }, about = "Asks whether a session is active, and for the ends of its account's orders as long as it lasts and the link stands. Answered with linkSession." },
    [0x042B] = { name = "linkOrders", direction = "link", states = {}, arguments = { { name = "username", type = "Username" } }, answers = {}, about = "Orders of the account of this name have ended. An orderNotice for each follows in the same message." },
    [0x042C] = { name = "linkStandby", direction = "link", states = {}, arguments = {}, answers = {}, about = "This master stands by for another one, and the link ends: the worker's other masters are to be asked." },
  },
}

---------------------------------------------------------------------------------------------------
-- Patterns: the regular expressions of types of arguments. Lua's own patterns have no alternatives.
---------------------------------------------------------------------------------------------------

-- The code points of a text, or nil where it is not UTF-8.
local function code_points(text)
  local points, i, size = {}, 1, #text
  while i <= size do
    local a, b, c, d = text:byte(i, i + 3)
    local point, bytes
    local function continues(byte) return byte and byte >= 0x80 and byte < 0xC0 end
    if a < 0x80 then
      point, bytes = a, 1
    elseif a >= 0xC2 and a < 0xE0 and continues(b) then
      point, bytes = (a - 0xC0) * 64 + b - 0x80, 2
    elseif a >= 0xE0 and a < 0xF0 and continues(b) and continues(c) then
      point, bytes = ((a - 0xE0) * 64 + b - 0x80) * 64 + c - 0x80, 3
      if point < 0x800 or (point >= 0xD800 and point < 0xE000) then return nil end
    elseif a >= 0xF0 and a < 0xF5 and continues(b) and continues(c) and continues(d) then
      point, bytes = (((a - 0xF0) * 64 + b - 0x80) * 64 + c - 0x80) * 64 + d - 0x80, 4
      if point < 0x10000 or point > 0x10FFFF then return nil end
    else
      return nil
    end
    points[#points + 1] = point
    i = i + bytes
  end
  return points
end

-- A matcher is called with the code points, a place and what follows: it returns whether the rest matches.
local function one_of(holds)
  return {
    holds = holds,
    match = function(points, at, rest)
      local point = points[at]
      if point and holds(point) then return rest(at + 1) end
      return false
    end,
  }
end

local function in_order(first, second)
  if not first then return second end
  return {
    match = function(points, at, rest)
      return first.match(points, at, function(next) return second.match(points, next, rest) end)
    end,
  }
end

local function repeated(item, least, most)
  if item.holds then
    return {
      match = function(points, at, rest)
        local count = 0
        while count < most and points[at + count] and item.holds(points[at + count]) do count = count + 1 end
        for taken = count, least, -1 do
          if rest(at + taken) then return true end
        end
        return false
      end,
    }
  end
  return {
    match = function(points, at, rest)
      local function from(place, count)
        if count < most then
          local further = item.match(points, place, function(next)
            return next > place and from(next, count + 1)
          end)
          if further then return true end
        end
        return count >= least and rest(place)
      end
      return from(at, 0)
    end,
  }
end

-- Compiles what the description's patterns consist of: characters, escapes, classes, (?:groups), alternatives and
-- counts. The matcher takes code points and says whether all of them match.
local function compile(pattern)
  local text, at = code_points(pattern), 1
  local function char() return text[at] and (text[at] < 128 and string.char(text[at]) or "?") end
  local function take() at = at + 1; return text[at - 1] end
  local function number()
    local digits = ""
    while char() and char():match("%d") do digits = digits .. string.char(take()) end
    return tonumber(digits)
  end
  local function literal()
    local point = take()
    if point ~= 0x5C then return point end
    point = take()
    if point ~= 0x75 then return point end
    local digits = ""
    for _ = 1, 4 do digits = digits .. string.char(take()) end
    return tonumber(digits, 16)
  end
  local function class()
    local inverted, ranges = false, {}
    if char() == "^" then inverted = true; take() end
    while char() ~= "]" do
      local low = literal()
      local high = low
      if char() == "-" and text[at + 1] ~= 0x5D then take(); high = literal() end
      ranges[#ranges + 1] = { low, high }
    end
    take()
    return one_of(function(point)
      for _, range in ipairs(ranges) do
        if point >= range[1] and point <= range[2] then return not inverted end
      end
      return inverted
    end)
  end
  local alternatives
  local function item()
    if char() == "[" then take(); return class() end
    if char() == "(" then
      at = at + 3 -- (?:
      local group = alternatives()
      take()
      return group
    end
    local point = literal()
    return one_of(function(other) return other == point end)
  end
  local function counted()
    local matcher = item()
    local sign = char()
    if sign == "?" then take(); return repeated(matcher, 0, 1) end
    if sign == "*" then take(); return repeated(matcher, 0, math.huge) end
    if sign == "+" then take(); return repeated(matcher, 1, math.huge) end
    if sign ~= "{" then return matcher end
    take()
    local least = number()
    local most = least
    if char() == "," then take(); most = number() or math.huge end
    take()
    return repeated(matcher, least, most)
  end
  local function sequence()
    local matcher
    while char() and char() ~= "|" and char() ~= ")" do matcher = in_order(matcher, counted()) end
    return matcher
  end
  function alternatives()
    local all = { sequence() }
    while char() == "|" do take(); all[#all + 1] = sequence() end
    if #all == 1 then return all[1] end
    return {
      match = function(points, place, rest)
        for _, matcher in ipairs(all) do
          if matcher.match(points, place, rest) then return true end
        end
        return false
      end,
    }
  end
  local whole = alternatives()
  return function(points)
    return whole.match(points, 1, function(place) return place == #points + 1 end)
  end
end

local patterns = {}

-- Compares a decimal text with a whole number, to the last digit: -1, 0 or 1.
local function compare_decimal(text, bound)
  local whole, fraction = text:match("^0*(%d*)%.?(%d*)$")
  local other = string.format("%.0f", bound):gsub("^0+", "")
  if #whole ~= #other then return #whole < #other and -1 or 1 end
  if whole ~= other then return whole < other and -1 or 1 end
  return fraction:match("[1-9]") and 1 or 0
end

-- Whether a text that is UTF-8 has the form of a type of arguments.
local function has_form(kind, text)
  local form = D.types[kind]
  if form.none == text then return true end
  local points = code_points(text)
  if form.min and #points < form.min or form.max and #points > form.max then return false end
  if form.pattern then
    patterns[kind] = patterns[kind] or compile(form.pattern)
    if not patterns[kind](points) then return false end
  end
  if form.above and compare_decimal(text, form.above) <= 0 then return false end
  return not (form.most and compare_decimal(text, form.most) > 0)
end

---------------------------------------------------------------------------------------------------
-- Fields
---------------------------------------------------------------------------------------------------

local proto = Proto("papertrader", "PaperTrader Protocol")
-- Messages that come in a WebSocket have no borders there: see `over_websocket`.
local proto_ws = Proto("papertrader_ws", "PaperTrader Protocol over WebSocket")

proto.prefs.worker_ports = Pref.range("Workers' TCP ports", D.worker_port, "Ports at which workers listen", 65535)
proto.prefs.master_ports = Pref.range("Masters' TCP ports", D.master_port,
  "Ports at which masters listen: lists of workers, and links", 65535)
proto.prefs.any_port = Pref.bool("Find PaperTrader on any port", true,
  "Dissect connections on other ports too whose first bytes are the header of a message")
proto.prefs.show_secrets = Pref.bool("Show secrets in full", false,
  "Session IDs, hashed passwords, codes and tokens: without this their first 8 characters are shown. " ..
  "The bytes of the packet have them anyway.")
proto.prefs.rows = Pref.uint("Rows of a payload", 2000, "The most rows of a list that the tree shows")

local fields = {}
local expert_group = expert.group
local experts = {
  malformed = ProtoExpert.new("papertrader.expert.malformed", "Malformed message",
    expert_group.MALFORMED, expert.severity.ERROR),
  payload = ProtoExpert.new("papertrader.expert.payload", "Malformed payload",
    expert_group.MALFORMED, expert.severity.ERROR),
  refused = ProtoExpert.new("papertrader.expert.refused", "An argument without its form",
    expert_group.PROTOCOL, expert.severity.WARN),
  wrong_state = ProtoExpert.new("papertrader.expert.wrong_state", "Wrong state",
    expert_group.SEQUENCE, expert.severity.WARN),
  unexpected = ProtoExpert.new("papertrader.expert.unexpected", "Not an answer to the request",
    expert_group.SEQUENCE, expert.severity.WARN),
  failed = ProtoExpert.new("papertrader.expert.failed", "The server refuses",
    expert_group.RESPONSE_CODE, expert.severity.NOTE),
  incomplete = ProtoExpert.new("papertrader.expert.incomplete", "The capture lacks a part",
    expert_group.UNDECODED, expert.severity.WARN),
}
do
  local all = {}
  for _, one in pairs(experts) do all[#all + 1] = one end
  proto.experts = all
end

-- camelCase and IDs become snake_case.
local function snake(name)
  return (name:gsub("(%l)(%u)", "%1_%2"):lower():gsub("-", "_"))
end

local function field(key, make, name, ...)
  fields[key] = fields[key] or make("papertrader." .. key, name, ...)
end

field("message_type", ProtoField.uint8, "messageType", base.DEC, D.message_types)
field("number", ProtoField.uint16, "instruction", base.HEX)
field("instruction", ProtoField.string, "Instruction")
field("data_size", ProtoField.uint32, "dataSize")
field("argument_count", ProtoField.uint16, "argumentCount")
field("packet", ProtoField.uint32, "dataMessageNumber")
field("packets", ProtoField.uint32, "dataMessageMax")
field("argument", ProtoField.string, "Argument")
field("data", ProtoField.bytes, "Data")
field("payload", ProtoField.string, "Payload")
field("line", ProtoField.string, "Line")
field("malformed", ProtoField.string, "Malformed")
field("refused", ProtoField.string, "Refused with")
field("state", ProtoField.string, "State of the connection")
field("user", ProtoField.string, "User of the session")
field("discarded", ProtoField.bytes, "Bytes behind a malformed message")
field("sealed_length", ProtoField.uint16, "Length of the record")
field("sealed", ProtoField.bytes, "Sealed record of the worker link")
field("request_in", ProtoField.framenum, "Request in", base.NONE, frametype.REQUEST)
field("response_in", ProtoField.framenum, "Answer in", base.NONE, frametype.RESPONSE)
field("response_time", ProtoField.relative_time, "Time from the request")

-- Arguments by their names; symbols and codes have one name wherever they stand.
field("symbol", ProtoField.string, "symbol")
field("reason", ProtoField.string, "reason")

local function argument_key(argument)
  if argument.type == "Symbol" then return "symbol" end
  if D.types[argument.type].list and (argument.name == "code" or argument.name == "reason") then return "reason" end
  return snake(argument.name)
end

do
  -- The header's fields and the dissector's own keep their names.
  local own = {}
  for key in pairs(fields) do own[key] = true end
  own.symbol, own.reason = nil, nil
  for _, row in pairs(D.instructions) do
    for _, argument in ipairs(row.arguments) do
      local key = argument_key(argument)
      argument.key = own[key] and "argument_" .. key or key
      field(argument.key, ProtoField.string, argument.name)
    end
  end
end

local function scalar_field(key, name, scalar)
  if scalar.type == "Symbol" then return "symbol" end
  if scalar.kind == "time" then
    field(key, ProtoField.absolute_time, name, base.UTC)
  elseif scalar.scale then
    field(key, ProtoField.double, name)
  elseif scalar.list then
    field(key, ProtoField.uint8, name, base.DEC, D.lists[scalar.list])
  elseif scalar.encoding == "text" or scalar.kind == "uuid" then
    field(key, ProtoField.string, name)
  elseif scalar.encoding == "integer" then
    local make = ({ "uint8", "uint16", nil, "uint32", nil, nil, nil, scalar.signed and "int64" or "uint64" })
    field(key, ProtoField[make[scalar.bytes]], name)
  else
    field(key, ProtoField.bytes, name)
  end
  return key
end

for kind, scalar in pairs(D.scalars) do scalar.kind = kind end
for name, layout in pairs(D.layouts) do
  for _, one in ipairs(layout) do
    if one.scalar then
      local scalar = D.scalars[one.scalar]
      local key = snake(name) .. "." .. snake(one.name)
      -- Bytes that are counted one by one are shown as what they are together.
      if one.times and scalar.bytes == 1 then
        one.is_bytes = true
        field(key, ProtoField.bytes, one.name)
        one.key = key
      else
        one.key = scalar_field(key, one.name, scalar)
      end
    end
  end
end

do
  local all = {}
  for _, one in pairs(fields) do all[#all + 1] = one end
  proto.fields = all
end

-- What other dissectors say of the packet. It is nil where this version has no such field; and in the first of two
-- passes, as Wireshark and `tshark -2` make them: there only the bytes themselves tell.
local function other_field(name)
  local is_there, read = pcall(Field.new, name)
  return function()
    if not is_there then return nil end
    local all = { read() }
    local last = all[#all]
    -- A field that has no value is there, or it is not.
    if last and last.value == nil then return true end
    return last and last.value
  end
end

local tcp_stream = other_field("tcp.stream")
local tcp_completeness = other_field("tcp.completeness")
local tcp_lost = other_field("tcp.analysis.lost_segment")

---------------------------------------------------------------------------------------------------
-- Values as text
---------------------------------------------------------------------------------------------------

-- A text for one line: control characters become spaces.
local function on_one_line(text)
  return (text:gsub("%c", " "))
end

-- The text of an argument for people. Of a long secret it is the beginning, so that one can tell two of them apart.
local function shown(kind, text)
  text = on_one_line(text)
  if not D.types[kind].secret or text == D.types[kind].none or proto.prefs.show_secrets then return text end
  -- accountSuccess's value is a secret where it is a token; a count of sessions is none.
  if kind == "AccountValue" and #text < 64 then return text end
  return #text > 8 and text:sub(1, 8) .. "…" or text
end

local function decimal(digits, scale)
  local sign, rest = digits:match("^(-?)(%d+)$")
  rest = string.rep("0", scale + 1 - #rest) .. rest
  local whole, fraction = rest:sub(1, -scale - 1), rest:sub(-scale):gsub("0+$", "")
  return sign .. whole .. (fraction == "" and "" or "." .. fraction)
end

-- In milliseconds since 1970.
local YEAR_0, YEAR_10000 = -62167219200000, 253402300800000

-- Milliseconds since 1970 as text. Beyond the years 0 to 9999: the number.
local function time_text(digits)
  local millis = tonumber(digits)
  if millis >= YEAR_10000 or millis < YEAR_0 then return digits .. " ms since 1970" end
  local days = math.floor(millis / 86400000)
  local rest = millis - days * 86400000
  -- Years are counted from March: a leap day is the last of its year.
  local shifted = days + 719468
  local era = math.floor(shifted / 146097)
  local day_of_era = shifted - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460) + math.floor(day_of_era / 36524)
    - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local month = math.floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - math.floor((153 * month + 2) / 5) + 1
  local year = year_of_era + era * 400
  month = month < 10 and month + 3 or month - 9
  if month <= 2 then year = year + 1 end
  return string.format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day, math.floor(rest / 3600000),
    math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60, rest % 1000)
end

---------------------------------------------------------------------------------------------------
-- Reading a message
---------------------------------------------------------------------------------------------------

local function integer(bytes, at, size)
  local value = 0
  for i = at, at + size - 1 do value = value * 256 + bytes:byte(i) end
  return value
end

local function read_header(bytes)
  local header = {}
  for _, one in ipairs(D.header) do header[one.name] = integer(bytes, one.offset + 1, one.bytes) end
  return header
end

-- The checks of the header of any message: the code and the sentence of the first that fails.
local function check_header(header)
  if not D.message_types[header.messageType] then return "bad-frame", "unknown messageType" end
  if math.floor(header.instruction / 256) ~= header.messageType then
    return "bad-frame", "the instruction's high byte differs from the messageType"
  end
  if header.dataSize > D.data_max then return "too-large", "dataSize is over " .. D.data_max end
end

-- The further checks of the header of a client's message.
local function check_request_header(header)
  local row = D.instructions[header.instruction]
  if header.dataMessageNumber ~= 1 or header.dataMessageMax ~= 1 then
    return "bad-frame", "a request is one packet: dataMessageNumber and dataMessageMax are 1"
  end
  if header.messageType == 3 then return "not-allowed", "a server return does not come from a client" end
  if header.messageType == 4 and header.instruction >= D.link_first then
    return "not-allowed", "an instruction of the worker link"
  end
  if row and row.direction ~= "request" and row.direction ~= "both" then
    return "not-allowed", "an instruction that only servers send"
  end
end

-- Whether it is a packet of a payload: the one binary message of clients and servers. The link has others.
local function is_packet(row)
  return row ~= nil and row.binary and row.direction == "return"
end

-- The further checks of the header of a server's message.
local function check_reply_header(header)
  local packet, packets = header.dataMessageNumber, header.dataMessageMax
  -- What a notice of a later edition looks like, nobody knows.
  if header.messageType == 4 and not D.instructions[header.instruction] then return end
  if is_packet(D.instructions[header.instruction]) then
    if header.argumentCount ~= 0 then return "bad-frame", "a data packet carries no arguments" end
    if packet < 1 or packet > packets then return "bad-frame", "a data packet whose numbers make no sense" end
  elseif packet ~= 1 or packets ~= 1 then
    return "bad-frame", "only data comes in packets"
  end
end

-- Splits data into arguments: a list of { text, at, size }, with places counted from 0; or a code and a sentence.
local function split(header, data, row, is_request)
  local count, arguments = header.argumentCount, {}
  if count == 0 then
    if #data > 0 and not is_packet(row) then return nil, "bad-frame", "data without arguments" end
    return arguments
  end
  if not code_points(data) then return nil, "bad-frame", "arguments are not UTF-8" end
  local at = 1
  for number = 1, count do
    local space = number < count and data:find(" ", at, true)
    local last = space and space - 1 or #data
    if last < at then return nil, "bad-frame", "an empty argument" end
    if number < count and not space then return nil, "bad-frame", "fewer arguments than argumentCount" end
    arguments[number] = { text = data:sub(at, last), at = at - 1, size = last - at + 1 }
    at = last + 2
  end
  if is_request and arguments[count].text:find(" ", 1, true) then
    return nil, "bad-frame", "a space in a request's last argument"
  end
  return arguments
end

-- The column of an argument: the last one where it is repeated.
local function column(row, number)
  return row.arguments[number] or row.arguments[#row.arguments]
end

local function check_count(row, count)
  local least, repeats = 0, false
  for _, argument in ipairs(row.arguments) do
    if argument.repeated then repeats = true elseif not argument.optional then least = least + 1 end
  end
  return count >= least and (repeats or count <= #row.arguments)
end

-- Reads the data of a message whose header was good. Fills in `arguments`, and `malformed` and `why`, or `refused`
-- and `why` where a request is well-formed and an argument is not.
local function read_data(message, data, is_request, of_link)
  local header, row = message.header, message.row
  local arguments, code, why = split(header, data, row, is_request)
  message.arguments = arguments or {}
  -- A control message of a server with an unknown number is a notice of a later edition.
  if not row and not is_request and header.messageType == 4 then return end
  if not arguments then message.malformed, message.why = code, why; return end
  if not row then
    message.malformed, message.why = "unknown-instruction", "no instruction has this number"
    return
  end
  if not check_count(row, #arguments) then
    message.malformed, message.why = "argument-count", "not the number of arguments that this instruction takes"
    return
  end
  if not is_request and not of_link and (row.direction == "request" or row.direction == "link") then
    message.malformed, message.why = "not-allowed", "not a message that a server sends to a client"
    return
  end
  for number, argument in ipairs(arguments) do
    local place = column(row, number)
    argument.column = place
    if not has_form(place.type, argument.text) then
      argument.wrong = true
      if not message.why then
        message.why = "argument " .. number .. ", " .. place.name .. ", is no " .. place.type
        if is_request then message.refused = place.reason or "argument-invalid" else message.malformed = "bad-frame" end
      end
    end
  end
end

---------------------------------------------------------------------------------------------------
-- Payloads
---------------------------------------------------------------------------------------------------

-- A tree item of a scalar, and its text.
local function add_scalar(tree, tvb, key, name, scalar, at, size, bytes)
  local range = tvb(at, size)
  local text, item
  if scalar.encoding == "integer" and scalar.bytes == 8 then
    local value = scalar.signed and range:int64() or range:uint64()
    text = tostring(value)
    if scalar.kind == "time" then
      local millis = tonumber(text)
      text = time_text(text)
      if millis < YEAR_10000 and millis >= 0 then
        local seconds = math.floor(millis / 1000)
        item = tree:add(fields[key], range, NSTime.new(seconds, (millis - seconds * 1000) * 1000000))
      else
        item = tree:add(range, "")
      end
    elseif scalar.scale then
      item = tree:add(fields[key], range, tonumber(text) / 10 ^ scalar.scale)
      text = decimal(text, scalar.scale)
    else
      item = tree:add(fields[key], range, value)
    end
  elseif scalar.encoding == "integer" then
    local value = integer(bytes, at + 1, scalar.bytes)
    text = tostring(range:uint())
    if scalar.scale then
      item = tree:add(fields[key], range, value / 10 ^ scalar.scale)
      text = decimal(text, scalar.scale)
    else
      item = tree:add(fields[key], range)
      text = scalar.list and D.lists[scalar.list][value] or text
    end
  elseif scalar.encoding == "text" then
    text = on_one_line(bytes:sub(at + 1, at + size))
    item = tree:add(fields[key], range, text)
  elseif scalar.kind == "uuid" then
    local digits = range:bytes():tohex(true)
    text = table.concat({ digits:sub(1, 8), digits:sub(9, 12), digits:sub(13, 16), digits:sub(17, 20),
      digits:sub(21) }, "-")
    item = tree:add(fields[key], range, text)
  else
    item = tree:add(fields[key], range)
    text = size <= 32 and range:bytes():tohex(true) or size .. " bytes"
  end
  item:set_text(name .. ": " .. text)
  return text
end

-- Reads bytes by a layout, and shows them where there is a tree. A reader has the bytes, the place counted from 0,
-- the tvb, and the first mistake in `wrong`.
local read_layout

local function read_scalar(reader, one, tree)
  local scalar = D.scalars[one.scalar]
  local left = #reader.bytes - reader.at
  local at, size = reader.at, scalar.bytes
  if scalar.encoding == "text" then
    if left < scalar.length_bytes then reader.wrong = "bytes are missing"; return end
    at, size = at + scalar.length_bytes, integer(reader.bytes, at + 1, scalar.length_bytes)
    left = left - scalar.length_bytes
  elseif scalar.encoding == "rest" then
    size = left
  end
  if left < size then reader.wrong = "bytes are missing"; return end
  local value
  if scalar.encoding == "integer" and scalar.bytes < 8 then
    value = integer(reader.bytes, at + 1, size)
    if scalar.most and value > scalar.most then reader.wrong = value .. " is no " .. one.scalar end
  elseif scalar.encoding == "text" then
    local text = reader.bytes:sub(at + 1, at + size)
    if not code_points(text) then
      reader.wrong = one.name .. " is not UTF-8"
    elseif scalar.type and not has_form(scalar.type, text) then
      reader.wrong = one.name .. " is no " .. scalar.type
    end
    value = text
  end
  reader.at = at + size
  local text
  if tree and not reader.wrong then
    text = add_scalar(tree, reader.tvb, one.key, one.name, scalar, at, size, reader.bytes)
  end
  return value, text
end

-- Whether a bit mask of a value has these bits: masks are of 8 bits.
local function masked(value, mask)
  local result, bit = 0, 1
  while bit <= mask do
    if mask % (2 * bit) >= bit and value % (2 * bit) >= bit then result = result + bit end
    bit = bit * 2
  end
  return result
end

local function is_there(one, record, outer)
  if not one.when then return true end
  local value = record[one.when.field] or outer[one.when.field]
  return masked(value, one.when.mask) == one.when.equals
end

local function read_field(reader, one, record, tree)
  if one.scalar then return read_scalar(reader, one, tree) end
  local start = reader.at
  local item = tree and tree:add(reader.tvb(start, 0), "")
  local summary = read_layout(reader, one.layout, record, item)
  if item then
    item:set_len(reader.at - start)
    item:set_text(one.name .. ": " .. summary)
  end
  return nil, summary
end

-- How long the line of a row may become.
local SUMMARY_MAX = 160

-- Returns the values as a line of text, where there is a tree.
function read_layout(reader, name, outer, tree)
  local record, texts, length = {}, {}, 0
  local function note(text)
    if text and length < SUMMARY_MAX then
      texts[#texts + 1] = text == "" and "-" or text
      length = length + #text + 1
    end
  end
  for _, one in ipairs(D.layouts[name]) do
    if reader.wrong then break end
    if is_there(one, record, outer) then
      if not one.times then
        local value, text = read_field(reader, one, record, tree)
        record[one.name] = value
        note(text)
      elseif one.is_bytes then
        local size = record[one.times]
        if #reader.bytes - reader.at < size then
          reader.wrong = "bytes are missing"
        else
          if tree and size > 0 then tree:add(fields[one.key], reader.tvb(reader.at, size)) end
          reader.at = reader.at + size
        end
      else
        local count, rows = record[one.times], 0
        while not reader.wrong and (count and rows < count or not count and reader.at < #reader.bytes) do
          rows = rows + 1
          local numbered = { name = one.name .. " " .. rows, scalar = one.scalar, layout = one.layout, key = one.key }
          read_field(reader, numbered, record, rows <= proto.prefs.rows and tree or nil)
        end
        if tree and rows > proto.prefs.rows then
          tree:add(reader.tvb(reader.at, 0), "… " .. rows - proto.prefs.rows ..
            " more rows; the preference “Rows of a payload” says how many are shown")
        end
        reader.rows, reader.rows_name = rows, one.name
      end
    end
  end
  return table.concat(texts, " ")
end

-- Reads a whole payload. Returns the mistake in it, if any, and a few words about it.
local function read_payload(bytes, layout, tvb, tree)
  local reader = { bytes = bytes, at = 0, tvb = tvb }
  local summary = read_layout(reader, layout, {}, tree)
  if not reader.wrong and reader.at < #bytes then reader.wrong = #bytes - reader.at .. " bytes are left over" end
  local words = layout
  if reader.rows then words = words .. " " .. reader.rows .. " " .. reader.rows_name end
  return reader.wrong, words, summary
end

---------------------------------------------------------------------------------------------------
-- The state of a connection
---------------------------------------------------------------------------------------------------

-- By the ends of the connection.
local streams = {}
-- By the number of the packet: what the first pass has found in it, in order.
local found_in = {}
-- The same of WebSocket: what was over from the message before, for each of a packet's messages.
local over_in = {}
-- The user of each session, from the answers to logins.
local users = {}
-- The packet that was dissected last, and how far its lists were used.
local current = { found = 0, over = 0 }

local function reset()
  streams, found_in, over_in, users, current = {}, {}, {}, {}, { found = 0, over = 0 }
end
proto.init = reset

local function new_stream()
  -- Whether the capture has the beginning, which the first bit of tcp.completeness says; nil where nobody says it.
  local completeness = tcp_completeness()
  local whole
  if completeness then whole = completeness % 2 == 1 end
  return {
    whole = whole,
    -- Whether each answer is known to belong to the request that it is taken for.
    in_step = whole,
    -- Whether a side's bytes may begin within a message; a client's malformed one is more likely than that, unless
    -- the beginning is known to be missing.
    client = { searching = whole == false and "surely" },
    server = { searching = whole == false and "surely" or not whole and "perhaps" },
    -- Requests without an answer, from `first` to `last`.
    asked = { first = 1, last = 0 },
    -- The state in which the server answers; nil where it is not known.
    state = whole and "command" or nil,
    -- The state in which the next request will be answered, if all switches until then succeed.
    expected_state = whole and "command" or nil,
    session = nil,
    set = nil,
    messages = 0,
    tcp_stream = tcp_stream(),
  }
end

-- Bytes are missing: which answer belongs to which request is not known any more.
local function lose_track(stream, side)
  stream.in_step, stream.state, stream.expected_state, stream.set = false, nil, nil, nil
  stream.asked = { first = 1, last = 0 }
  side.searching, side.dead = "surely", nil
end

-- The code of a refusal: its first argument.
local function code_of(message)
  return message.arguments[1] and message.arguments[1].text
end

local function argument_named(message, name)
  for _, argument in ipairs(message.arguments) do
    if argument.column and argument.column.name == name then return argument.text end
  end
end

-- What a client's message does.
local function note_request(stream, message)
  local row = message.row
  if message.malformed or not row then return end
  message.state = stream.expected_state
  local session = argument_named(message, "sessionID")
  if session then
    message.user = users[session]
  elseif row.states.data and not row.states.command and stream.session then
    message.user = users[stream.session]
  end
  if not next(row.answers) then return end
  if stream.expected_state and not row.states[stream.expected_state] then message.wrong_state = true end
  if row.name == "switchState" and not message.refused then stream.expected_state = argument_named(message, "state") end
  stream.asked.last = stream.asked.last + 1
  stream.asked[stream.asked.last] = message
end

-- What the answer to a request says of the connection and of sessions.
local function note_effects(stream, message, request)
  local name = message.row.name
  if name == "stateSwitchSuccess" then
    stream.state = message.arguments[1].text
    if stream.state == "data" then stream.session = argument_named(request, "sessionID") end
  elseif name == "sessionID" then
    local session = message.arguments[1].text
    local username = argument_named(request, "username")
    if username then users[session] = username end
    message.user = users[session]
  end
  -- Where no further switch is under way, the state is known.
  for number = stream.asked.first, stream.asked.last do
    if stream.asked[number].row.name == "switchState" then return end
  end
  if stream.state then stream.expected_state = stream.state end
end

-- The answer belongs to this request: each knows the other.
local function link(request, message, packet, time)
  request.answer_in = request.answer_in or packet
  message.request_in, message.time = request.packet, time - request.at
  message.request_name = request.row.name
end

-- Judges an answer by the request's row.
local function judge_answer(stream, message, request)
  local answer = request.row.answers[message.header.instruction]
  if not answer then
    message.unexpected = message.name .. " does not answer " .. request.row.name
    return
  end
  local states = request.row.states
  local refused = answer.outcome == "failure" and code_of(message) == "wrong-state"
  if stream.state then
    request.state = stream.state
    if not states[stream.state] and not refused then
      message.unexpected = request.row.name .. " is answered in the " .. stream.state .. " state"
    end
  elseif answer.outcome == "success" and not (states.command and states.data) then
    stream.state = states.data and "data" or "command"
    request.state = stream.state
  end
  request.wrong_state = refused or (stream.state ~= nil and not states[stream.state])
  if answer.outcome == "failure" then
    local reason = code_of(message)
    message.failed = reason
    if not answer.reasons[reason] then
      message.unexpected = request.row.name .. " does not fail with " .. reason
    end
  end
end

-- Adds a packet to its set; with the last one the message has the whole payload.
local function note_packet(stream, message, data, request)
  local header = message.header
  local set = stream.set
  if not set then
    set = { max = header.dataMessageMax, next = 1, parts = {} }
    stream.set = set
  end
  if header.dataMessageNumber ~= set.next or header.dataMessageMax ~= set.max then
    -- A capture that begins inside a transfer has its last packets.
    if stream.in_step or set.next > 1 then message.malformed, message.why = "bad-frame", "a data packet out of order" end
    stream.set = nil
    return header.dataMessageNumber == header.dataMessageMax
  end
  if header.dataMessageNumber < header.dataMessageMax and #data < D.data_max then
    message.malformed, message.why = "bad-frame", "a data packet before the last that is not full"
    stream.set = nil
    return false
  end
  set.parts[set.next] = data
  set.next = set.next + 1
  if header.dataMessageNumber < header.dataMessageMax then return false end
  stream.set = nil
  local answer = request and request.row.answers[header.instruction]
  message.payload = table.concat(set.parts)
  message.layout = answer and answer.payload
  if message.layout then message.wrong, message.words = read_payload(message.payload, message.layout) end
  return true
end

-- What a server's message does.
local function note_reply(stream, message, data, packet, time)
  local header, row = message.header, message.row
  if not row then
    -- Of a later edition: a return answers, a notice does not.
    if header.messageType ~= 3 or stream.asked.first > stream.asked.last then return end
    stream.asked.first = stream.asked.first + 1
    return
  end
  if row.direction == "notice" then
    if row.name == "protocolError" then message.failed = code_of(message) end
    return
  end
  -- A server's ping is no answer.
  if row.direction == "both" and next(row.answers) then return end
  if row.direction == "request" or row.direction == "link" then return end
  local request = stream.asked[stream.asked.first]
  local complete = true
  if row.binary then
    if not message.malformed then complete = note_packet(stream, message, data, request) end
  else
    stream.set = nil
  end
  if not request then
    if stream.in_step and not message.malformed then message.unexpected = "an answer that nobody asked for" end
    return
  end
  -- An answer to a request that the capture lacks.
  if not stream.in_step and not request.row.answers[header.instruction] then return end
  link(request, message, packet, time)
  if not complete then return end
  stream.asked[stream.asked.first] = nil
  stream.asked.first = stream.asked.first + 1
  if message.malformed then return end
  judge_answer(stream, message, request)
  if not message.unexpected then note_effects(stream, message, request) end
end

---------------------------------------------------------------------------------------------------
-- The worker link: frames of the handshake in the open, then sealed records
---------------------------------------------------------------------------------------------------

local function read_link_message(stream, message, data, by_client)
  local row = message.row
  local from = by_client and "worker" or "master"
  local layout = row and row.layouts and row.layouts[from]
  message.arguments = {}
  if not row or row.direction ~= "link" or (row.binary and not layout) then
    message.malformed, message.why = "not-allowed", "not a message of the handshake"
  elseif message.header.dataMessageNumber ~= 1 or message.header.dataMessageMax ~= 1 then
    message.malformed, message.why = "bad-frame", "a handshake message is one packet"
  elseif not row.binary then
    read_data(message, data, false, true)
    if row.name == "linkRefused" then message.failed = code_of(message) end
  elseif message.header.argumentCount ~= 0 then
    message.malformed, message.why = "bad-frame", "a handshake message has no arguments"
  else
    message.payload, message.layout = data, layout
    message.wrong = read_payload(data, layout)
  end
  -- Each side seals what follows its last message of the handshake.
  if row and row.name == "linkNoise1" and not by_client then stream.server.sealed = true end
  if row and row.name == "linkNoise2" and by_client then stream.client.sealed = true end
end

-- Whether a message opens a link. A shorter one is a client's, and not allowed.
local function is_hello(header)
  local least = 0
  for _, one in ipairs(D.layouts.LinkHello) do least = least + D.scalars[one.scalar].bytes end
  local row = D.instructions[header.instruction]
  return row and row.name == "linkHello" and header.dataSize >= least
end

-- After linkNoise1 the master may still refuse, in the open.
local function is_refusal(bytes)
  if #bytes < D.header_bytes then return false end
  local header = read_header(bytes)
  local row = D.instructions[header.instruction]
  return row and row.name == "linkRefused" and not check_header(header) and header.argumentCount == 2
    and header.dataMessageNumber == 1 and header.dataMessageMax == 1
end

---------------------------------------------------------------------------------------------------
-- Streams of bytes
---------------------------------------------------------------------------------------------------

-- Whether bytes can be a header that this side sends: for connections of which the capture lacks the beginning, and
-- for those on other ports.
local function is_plausible(header, by_client)
  local row = D.instructions[header.instruction]
  if check_header(header) or not row then return false end
  if by_client ~= false and (row.direction == "request" or row.direction == "both") then
    return header.dataMessageNumber == 1 and header.dataMessageMax == 1 and check_count(row, header.argumentCount)
      and (header.argumentCount > 0) == (header.dataSize > 0)
  end
  if by_client then return false end
  if row.direction == "link" and row.name ~= "linkHello" then return false end
  if row.binary then return header.argumentCount == 0 and not check_reply_header(header) end
  return not check_reply_header(header) and check_count(row, header.argumentCount)
    and (header.argumentCount > 0) == (header.dataSize > 0)
end

-- Analyses what stands at a place of the stream. Returns what it is, with its `size`; or nil and the number of bytes
-- that are still missing, at least.
local function analyse(stream, by_client, bytes, packet, time)
  local side = by_client and stream.client or stream.server
  if side.dead then
    -- Of a server it is rather the capture that lacks something: go on where a message begins.
    if by_client or #bytes < D.header_bytes or not is_plausible(read_header(bytes), false) then
      return { kind = "discarded", size = #bytes }
    end
    lose_track(stream, side)
  end
  if side.sealed and not (not by_client and is_refusal(bytes)) then
    if #bytes < 2 then return nil end
    local size = 2 + integer(bytes, 1, 2)
    if #bytes < size then return nil, size - #bytes end
    return { kind = "record", size = size }
  end
  if side.searching then
    if #bytes < D.header_bytes and side.searching == "perhaps" then return nil end
    if #bytes < D.header_bytes or not is_plausible(read_header(bytes), by_client) then
      return { kind = "unknown", size = #bytes }
    end
    side.searching = nil
  end
  if #bytes < D.header_bytes then return nil end
  local header = read_header(bytes)
  local message = { kind = "message", header = header, row = D.instructions[header.instruction], packet = packet,
    at = time, by_client = by_client }
  message.name = message.row and message.row.name or string.format("%04x", header.instruction)
  if by_client and stream.messages == 0 and stream.role ~= "worker" and is_hello(header) then stream.is_link = true end
  local code, why = check_header(header)
  if not code and by_client and not stream.is_link then code, why = check_request_header(header) end
  if code then
    -- The server has judged by the header alone, and reads nothing further; nor can anybody find the next message.
    message.malformed, message.why, message.arguments = code, why, {}
    local has_size = not check_header(header)
    message.size = has_size and math.min(#bytes, D.header_bytes + header.dataSize) or D.header_bytes
    side.dead = time
    stream.messages = stream.messages + 1
    return message
  end
  message.size = D.header_bytes + header.dataSize
  if #bytes < message.size then return nil, message.size - #bytes end
  stream.messages = stream.messages + 1
  local data = bytes:sub(D.header_bytes + 1, message.size)
  if stream.is_link and not (not by_client and message.name == "protocolError") then
    read_link_message(stream, message, data, by_client)
    if message.malformed then side.dead = time end
    return message
  end
  if not by_client then message.malformed, message.why = check_reply_header(header) end
  if message.malformed then message.arguments = {} else read_data(message, data, by_client) end
  if by_client and not message.malformed and stream.role == "master" and message.name ~= "getWorkerList" then
    message.malformed, message.why = "not-allowed", "a master answers getWorkerList alone"
  end
  if by_client then
    note_request(stream, message)
    -- After a protocolError the server discards what the client has sent.
    if message.malformed then side.dead = time end
  else
    note_reply(stream, message, data, packet, time)
  end
  return message
end

---------------------------------------------------------------------------------------------------
-- The tree and the column
---------------------------------------------------------------------------------------------------

local function line_of(message)
  local words = { message.by_client and ">" or "<", message.name }
  if message.row and message.row.binary and not message.layout and message.header.dataMessageMax > 1 then
    words[#words + 1] = message.header.dataMessageNumber .. "/" .. message.header.dataMessageMax
  end
  if message.words then words[#words + 1] = message.words end
  for number, argument in ipairs(message.arguments) do
    if number > 12 then words[#words + 1] = "…"; break end
    words[#words + 1] = argument.column and shown(argument.column.type, argument.text) or on_one_line(argument.text)
  end
  if message.malformed then
    words[#words + 1] = "[malformed: " .. message.malformed .. ", " .. message.why .. "]"
  elseif message.wrong then
    words[#words + 1] = "[malformed payload: " .. message.wrong .. "]"
  elseif message.refused then
    words[#words + 1] = "[" .. message.refused .. ": " .. message.why .. "]"
  elseif message.wrong_state then
    words[#words + 1] = "[wrong-state]"
  end
  return table.concat(words, " ")
end

local function generated(tree, key, value)
  return tree:add(fields[key], value):set_generated()
end

local function show_header(tree, tvb, message)
  local header = message.header
  local head = tree:add(tvb(0, math.min(D.header_bytes, tvb:len())), "Header: " .. message.name .. ", " ..
    header.dataSize .. " bytes of data")
  head:add(fields.message_type, tvb(0, 1))
  head:add(fields.number, tvb(1, 2)):append_text(" (" .. message.name .. ")")
  head:add(fields.data_size, tvb(3, 4))
  head:add(fields.argument_count, tvb(7, 2))
  head:add(fields.packet, tvb(9, 4))
  head:add(fields.packets, tvb(13, 4))
end

local function show_arguments(tree, tvb, message)
  for number, argument in ipairs(message.arguments) do
    local range = tvb(D.header_bytes + argument.at, argument.size)
    local place = argument.column
    local text = place and shown(place.type, argument.text) or on_one_line(argument.text)
    local item = tree:add(fields.argument, range, text)
    item:set_text((place and place.name or "argument " .. number) .. ": " .. text)
    if place then
      if D.types[place.type].secret then item:append_text(" (secret)") end
      local list = D.types[place.type].list
      local about = list and D.codes[list][argument.text]
      if about then item:append_text(" (" .. about .. ")") end
      item:add(fields[place.key], range, text):set_hidden()
      if argument.wrong then item:add_proto_expert_info(experts.refused, place.name .. " is no " .. place.type) end
    end
  end
end

local function show_links(tree, message)
  if message.state then generated(tree, "state", message.state) end
  if message.user then generated(tree, "user", message.user) end
  if message.answer_in then generated(tree, "response_in", message.answer_in) end
  if message.request_in then
    generated(tree, "request_in", message.request_in):append_text(" (" .. message.request_name .. ")")
    local seconds = math.floor(message.time)
    generated(tree, "response_time", NSTime.new(seconds, math.floor((message.time - seconds) * 1000000000 + 0.5)))
  end
end

local function show_judgement(tree, item, message)
  if message.malformed then
    generated(tree, "malformed", message.malformed):append_text(": " .. message.why)
    item:add_proto_expert_info(experts.malformed, message.malformed .. ": " .. message.why)
  end
  if message.refused then
    generated(tree, "refused", message.refused):append_text(": " .. message.why)
  end
  if message.wrong then
    generated(tree, "malformed", "payload"):append_text(": " .. message.wrong)
    item:add_proto_expert_info(experts.payload, "no " .. message.layout .. ": " .. message.wrong)
  end
  if message.wrong_state then
    local states = message.row.states.data and "data" or "command"
    item:add_proto_expert_info(experts.wrong_state, message.name .. " belongs in the " .. states .. " state")
  end
  if message.unexpected then item:add_proto_expert_info(experts.unexpected, message.unexpected) end
  if message.failed then item:add_proto_expert_info(experts.failed, message.name .. " " .. message.failed) end
end

local function show_payload(tree, tvb, message)
  local size = tvb:len() - D.header_bytes
  if not message.layout then
    if size > 0 then tree:add(fields.data, tvb(D.header_bytes, size)) end
    return
  end
  local payload = tvb
  local start = D.header_bytes
  if message.header.dataMessageMax > 1 then
    payload, start = ByteArray.new(message.payload, true):tvb("PaperTrader payload"), 0
  end
  local all = payload(start, payload:len() - start)
  local item = tree:add(fields.payload, all, message.layout)
  item:set_text("Payload: " .. (message.words or message.layout) .. ", " .. #message.payload .. " bytes")
  if #message.payload == 0 then return end
  read_payload(message.payload, message.layout, all:tvb(), item)
end

local function show_message(tree, tvb, message)
  local line = line_of(message)
  local item = tree:add(proto, tvb(), "PaperTrader, " .. (message.by_client and "client" or "server") .. ": " ..
    line:sub(3))
  generated(item, "line", line)
  item:add(fields.instruction, tvb(1, 2), message.name):append_text(message.row and ": " .. message.row.about or "")
  show_header(item, tvb, message)
  show_arguments(item, tvb, message)
  if message.row and message.row.binary then
    show_payload(item, tvb, message)
  elseif #message.arguments == 0 and tvb:len() > D.header_bytes then
    item:add(fields.data, tvb(D.header_bytes))
  end
  show_links(item, message)
  show_judgement(item, item, message)
  return line
end

local function show(tree, tvb, found)
  if found.kind == "message" then return show_message(tree, tvb, found) end
  local item = tree:add(proto, tvb(), "PaperTrader, ")
  if found.kind == "record" then
    item:append_text("sealed record of a worker link")
    item:add(fields.sealed_length, tvb(0, 2))
    if tvb:len() > 2 then item:add(fields.sealed, tvb(2)) end
    if tvb:len() < 19 then
      item:add_proto_expert_info(experts.malformed, "a sealed record of an impossible length")
    end
    return "sealed record, " .. tvb:len() .. " bytes"
  elseif found.kind == "discarded" then
    item:append_text("bytes behind a malformed message")
    item:add(fields.discarded, tvb())
    return tvb:len() .. " bytes behind a malformed message"
  end
  item:append_text("bytes of a message whose beginning is not in the capture")
  item:add(fields.data, tvb())
  item:add_proto_expert_info(experts.incomplete, "the beginning of this message is not in the capture")
  return "the middle of a message"
end

-- How many messages of a packet its line in the list names.
local LINES_MAX = 8

local function show_column(pinfo, lines, count)
  if #lines == 0 then return end
  if count > #lines then lines[#lines + 1] = "… " .. count - #lines .. " more" end
  pinfo.cols.protocol = "PaperTrader"
  pinfo.cols.info = table.concat(lines, " | ")
  pinfo.cols.info:fence()
end

---------------------------------------------------------------------------------------------------
-- Dissecting
---------------------------------------------------------------------------------------------------

-- How long a server reads on after a protocolError, at most, and some more: in seconds. The same ports are those of
-- another connection then.
local ENDED = 5

-- Whether a stream is over, and the packet is of a later one with the same ends.
local function is_over(stream, pinfo)
  if pinfo.visited then return false end
  local number = tcp_stream()
  if number and stream.tcp_stream and number ~= stream.tcp_stream then return true end
  return stream.client.dead and pinfo.rel_ts - stream.client.dead > ENDED
end

-- The stream of a packet, and whether the client sends it.
local function stream_of(pinfo, bytes, is_websocket)
  local function ends(address, port) return tostring(address) .. " " .. port end
  local from, to = ends(pinfo.src, pinfo.src_port), ends(pinfo.dst, pinfo.dst_port)
  local id = from < to and from .. " " .. to or to .. " " .. from
  local stream = streams[id]
  if not stream or is_over(stream, pinfo) then
    stream = new_stream()
    streams[id] = stream
  end
  if not stream.server_end then
    local to_server
    local matched = pinfo.match_uint
    if is_websocket then matched = nil end
    if matched and matched == pinfo.dst_port and matched ~= pinfo.src_port then
      to_server = true
    elseif matched and matched == pinfo.src_port and matched ~= pinfo.dst_port then
      to_server = false
    elseif #bytes >= 3 then
      -- Any port: whose messages are these?
      local row = D.instructions[integer(bytes, 2, 2)]
      to_server = not row or row.direction == "request" or row.direction == "both" or row.name == "linkHello"
    else
      to_server = pinfo.dst_port < pinfo.src_port
    end
    stream.server_end = to_server and to or from
    local port = to_server and pinfo.dst_port or pinfo.src_port
    stream.role = D.role_of_port[port]
  end
  return stream, to == stream.server_end
end

local function append(lists, packet, item)
  lists[packet] = lists[packet] or {}
  table.insert(lists[packet], item)
end

-- The next item of a packet's list that fits; behind the last one comes the first, as where the packet is dissected
-- again.
local function next_of(lists, kind, packet, fits)
  if current.packet ~= packet then current = { packet = packet, found = 0, over = 0 } end
  local list = lists[packet] or {}
  for step = 1, #list do
    local index = (current[kind] + step - 1) % #list + 1
    if fits(list[index]) then
      current[kind] = index
      return list[index]
    end
  end
end

-- What stands at a place: found now, or, in a later pass, found then. What TCP hands over is cut otherwise then, so
-- it is known again by its first bytes.
local function find(stream, by_client, pinfo, bytes, at)
  local packet = pinfo.number
  if pinfo.visited then
    return next_of(found_in, "found", packet, function(found)
      return #bytes - at >= found.size and bytes:sub(at + 1, at + #found.head) == found.head
    end)
  end
  local found, lacks = analyse(stream, by_client, at == 0 and bytes or bytes:sub(at + 1), packet, pinfo.rel_ts)
  if found then
    found.head = bytes:sub(at + 1, at + math.min(found.size, D.header_bytes))
    append(found_in, packet, found)
  end
  return found, lacks
end

-- Dissects all messages of these bytes. Returns the place of the first that is not whole, and how many bytes it
-- lacks; or nothing.
local function dissect_messages(tvb, bytes, pinfo, tree, stream, by_client)
  local at, lines, count = 0, {}, 0
  local place, lacks
  while at < #bytes do
    local found
    found, lacks = find(stream, by_client, pinfo, bytes, at)
    if not found then place = at; break end
    local line = show(tree, tvb(at, found.size):tvb(), found)
    count = count + 1
    if count <= LINES_MAX then lines[count] = line end
    at = at + found.size
  end
  show_column(pinfo, lines, count)
  return place, lacks
end

local function lacks_bytes(tvb) return tvb:reported_len() > tvb:len() end

local function show_incomplete(tvb, at, tree)
  local item = tree:add(proto, tvb(at), "PaperTrader, a part of a message")
  item:add_proto_expert_info(experts.incomplete, "the rest of this message is not in the capture")
end

local tls = Dissector.get("tls")

-- TLS on the same port: the records' first bytes are no message's.
local function is_tls(bytes)
  local kind, major = bytes:byte(1, 2)
  return kind and kind >= 0x14 and kind <= 0x17 and major == 3
end

local inside_tls = false

local function dissect(tvb, pinfo, tree)
  local bytes = tvb:raw()
  local stream, by_client = stream_of(pinfo, bytes, false)
  if stream.is_tls or (stream.messages == 0 and not inside_tls and tls and is_tls(bytes)) then
    if not inside_tls then
      stream.is_tls = true
      inside_tls = true
      -- Our own call has taken one from the calls that may ask for more bytes.
      pinfo.can_desegment = pinfo.can_desegment + 1
      local is_good, outcome = pcall(tls.call, tls, tvb, pinfo, tree)
      inside_tls = false
      if not is_good then error(outcome, 0) end
      return tvb:len()
    end
  end
  if not pinfo.visited and tcp_lost() and not inside_tls then
    lose_track(stream, by_client and stream.client or stream.server)
  end
  local at, lacks = dissect_messages(tvb, bytes, pinfo, tree, stream, by_client)
  if not at then return tvb:len() end
  if lacks_bytes(tvb) or pinfo.can_desegment == 0 then
    show_incomplete(tvb, at, tree)
    return tvb:len()
  end
  pinfo.desegment_offset = at
  pinfo.desegment_len = lacks or DESEGMENT_ONE_MORE_SEGMENT
  return tvb:len()
end

proto.dissector = dissect

-- A WebSocket's messages may end anywhere in ours: what is over is put before the next one.
local function over_websocket(tvb, pinfo, tree)
  local bytes = tvb:raw()
  local stream, by_client = stream_of(pinfo, bytes, true)
  local side = by_client and stream.client or stream.server
  local size, before = tvb:len(), ""
  if pinfo.visited then
    local over = next_of(over_in, "over", pinfo.number, function(one) return one.size == size end)
    before = over and over.before or ""
  else
    before, side.over = side.over or "", nil
    append(over_in, pinfo.number, { size = size, before = before })
  end
  local whole = tvb
  if #before > 0 then
    bytes = before .. bytes
    whole = ByteArray.new(bytes, true):tvb("PaperTrader over WebSocket")
  end
  local at = dissect_messages(whole, bytes, pinfo, tree, stream, by_client)
  if at then
    -- Less than a message: never more than its header and data_max bytes.
    if not pinfo.visited then side.over = bytes:sub(at + 1) end
    tree:add(proto_ws, whole(at), "PaperTrader, a part of a message")
  end
  return tvb:len()
end

proto_ws.dissector = over_websocket

---------------------------------------------------------------------------------------------------
-- Registration
---------------------------------------------------------------------------------------------------

local function find_on_any_port(tvb, pinfo, tree)
  if not proto.prefs.any_port or tvb:len() < D.header_bytes then return false end
  local header = read_header(tvb:raw(0, D.header_bytes))
  if not is_plausible(header, nil) then return false end
  dissect(tvb, pinfo, tree)
  pinfo.conversation = proto
  return true
end

proto:register_heuristic("tcp", find_on_any_port)
DissectorTable.get("ws.protocol"):add("papertrader.1", proto_ws)

local registered = {}

-- The ports of the preferences, which may be changed at any time.
local function register_ports()
  local tables = { DissectorTable.get("tcp.port"), DissectorTable.get("tls.port") }
  for _, ports in pairs(registered) do
    for _, one in ipairs(tables) do one:remove(ports, proto) end
  end
  registered = { tostring(proto.prefs.worker_ports), tostring(proto.prefs.master_ports) }
  D.role_of_port = {}
  for number, ports in ipairs(registered) do
    if ports ~= "" then
      for _, one in ipairs(tables) do one:add(ports, proto) end
    end
    for low, high in (ports .. ","):gmatch("(%d+)%-?(%d*),") do
      low, high = tonumber(low), tonumber(high ~= "" and high or low)
      for port = low, math.min(high, 65535) do D.role_of_port[port] = number == 1 and "worker" or "master" end
    end
  end
end

proto.prefs_changed = register_ports
register_ports()
