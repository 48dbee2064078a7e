# Versions go from Test to Production: Test not too far ahead, Production only to what Test runs,
# with the release notes read, breaking changes dealt with, the service tested, and the very file that
# Pexip published. Departures are possible and written down.
@Promotion
Feature: Promotion pathway
  POL-0: A departure from the pathway is possible, and is written down; the guide is changed where needed.
  POL-1: Who upgrades Test means to upgrade Production to the same version within weeks of Test being stable.
  POL-1a: Test is at most one major version ahead of Production.
  POL-1b: Test is at most two minor versions ahead of Production.
  POL-2: The release notes were read before the upgrade.
  POL-2a: The vendor's introduction to the version was attended, where there is one.
  POL-3: An expected breaking change has its mitigation before Test is upgraded, written down for Production.
  POL-4: All major functions of the service are tested with the Postman collection; nothing is impaired.
  POL-4a: The service is tried with the Dev or QA build of the BC Services Card app.
  POL-5: Production only goes to the version that Test runs.
  POL-5a: The file's SHA-256 is the one on Pexip's download page.

  Background:
    Given Test runs version 38 and Production runs version 38
    And the package holds version 39.1

  @POL-0 @Test
  Scenario: A departure from the pathway that is written down is kept with its reason
    Given Test runs version 39 and Production runs version 39
    And the package holds version 39.4
    And an exception to POL-1b is documented by "Kim", because "39.4 mends the fault that we suffer from"
    When the upgrade of Test is brought to its approval
    Then no person is asked "Check the promotion pathway"
    And the record of "Check the promotion pathway" says "acknowledged by Kim: 39.4 mends the fault that we suffer from"

  @POL-0 @POL-2 @Test
  Scenario: The record can be checked by others and holds no secret, even if somebody types one
    Given the token for Azure DevOps slips into the answer to "Release notes reviewed"
    When the upgrade of Test is brought to its approval
    Then the upgrade waits for an answer to "Approve the plan"
    And the record can be checked and holds no secret

  @POL-0 @POL-1a @Test
  Scenario: What must not be is not lifted by a note in the configuration
    Given Test runs version 38 and Production runs version 37
    And an exception to POL-1a is documented by "Kim", because "we want it soon"
    When Test is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And nothing has been changed on any system

  @POL-0 @POL-1a @Test
  Scenario: An exception that two people have documented is used, and the report begins with it
    Given Test runs version 38 and Production runs version 37
    And this exception is on file:
      | name         | W-7                            |
      | clause       | POL-1a                         |
      | environment  | Test                           |
      | versions     | 39.1                           |
      | reason       | calls from the app are dropped |
      | requested by | Ana                            |
      | approved by  | Bo                             |
      | expires      | in 7 days                      |
    When the upgrade of Test is brought to its approval
    Then the upgrade waits for an answer to "Approve the plan"
    And the report begins with "waiver used: W-7 of POL-1a, requested by Ana, approved by Bo"
    And the report begins with "calls from the app are dropped"

  @POL-0 @POL-1a @Test
  Scenario Outline: An exception that does not hold lifts nothing, and the refusal says why
    Given Test runs version 38 and Production runs version 37
    And this exception is on file:
      | name         | W-7                            |
      | clause       | <clause>                       |
      | environment  | Test                           |
      | versions     | <versions>                     |
      | reason       | calls from the app are dropped |
      | requested by | Ana                            |
      | approved by  | <approved by>                  |
      | expires      | <expires>                      |
    When Test is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "Test is 2 major version(s) ahead, 1 allowed"
    And the reason says "waiver W-7 counts for nothing: <fault>"
    And the report begins with "waiver W-7 counts for nothing: <fault>"
    And nothing has been changed on any system

    Examples:
      | clause | versions             | approved by | expires     | fault                                                                    |
      | POL-1a | 39.1                 | Bo          | yesterday   | it expired at                                                            |
      | POL-1a | 39.1                 | Ana         | in 7 days   | Ana approved it and requested it; another person must approve            |
      | POL-1a | 39.1                 | Bo          | in 190 days | it is too broad: it expires more than 90 days after its approval         |
      | POL-1a | 39.1, 39.2, 40, 40.1 | Bo          | in 7 days   | it is too broad: it names 4 versions                                     |
      | POL-5a | 39.1                 | Bo          | in 7 days   | POL-5a is never waived: it protects the machines or proves the package   |

  @POL-0 @Test
  Scenario: A second person approves the plan before anything is changed
    Given a second person must approve
    When Test is upgraded
    Then the upgrade waits for an answer to "Approve the plan"
    And nothing has been changed on any system

  @POL-0 @Test
  Scenario: Once a second person has approved, the upgrade goes on
    Given a second person must approve
    And an upgrade of Test was begun
    When a second person approves and the upgrade of Test is resumed
    Then the upgrade has ended as completed
    And the record of "Approve the plan" says "second@workstation"

  @POL-0 @Test
  Scenario: An upgrade does not go on with another plan than the one that was approved
    Given nobody answers "Release notes reviewed" yet
    And an upgrade of Test was begun
    And the configuration is changed in the meantime
    When the upgrade of Test is resumed
    Then the reason says "nothing was done"
    And nothing has been changed on any system

  @POL-1 @Test
  Scenario: Whoever upgrades Test says until when Production follows
    Given the answer to "Date of the Production upgrade" has "date" as 2031-05-06
    When Test is upgraded
    Then the upgrade has ended as completed
    And the record of "Close the run" says "Production is to follow until 2031-05-06"

  @POL-1 @Test
  Scenario: Without a date for Production Test is not touched
    Given the answer to "Date of the Production upgrade" has "date" as soon
    When Test is upgraded
    Then the upgrade stops at "Date of the Production upgrade"
    And nothing has been changed on any system

  @POL-1 @Production
  Scenario: Production does not follow before Test has proven to be stable
    Given Test has been upgraded in this way
    And Test must have run a version for 14 days before Production follows
    When Production is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "soak time"
    And nothing has been changed on any system

  @POL-1 @POL-0 @Production
  Scenario: Production follows sooner when it was documented beforehand, with its reason
    Given Test has been upgraded in this way
    And Test must have run a version for 14 days before Production follows
    And an exception to POL-1 is documented by "Kim", because "a fault in 38 endangers the service"
    When the upgrade of Production is brought to its approval
    Then no person is asked "Check the promotion pathway"
    And the record of "Check the promotion pathway" says "acknowledged by Kim: a fault in 38 endangers the service"

  @POL-1 @Test
  Scenario: While Production still owes the last upgrade, the next one of Test is somebody's decision
    Given Test runs version 39 and Production runs version 38
    And Production was to follow Test to version 39 until 10 days ago
    And nobody answers "Check the promotion pathway" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Check the promotion pathway"
    And the reason says "day(s) overdue"
    And nothing has been changed on any system

  @POL-1a @Test
  Scenario: Test may be one major version ahead
    When the plan for Test is looked at
    Then no check refuses

  @POL-1a @Test
  Scenario: Test may not be two major versions ahead
    Given Test runs version 38 and Production runs version 37
    When Test is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "Test is 2 major version(s) ahead, 1 allowed"
    And nothing has been changed on any system

  @POL-1b @Test
  Scenario: More than two minor versions ahead needs somebody to say why
    Given Test runs version 39 and Production runs version 39
    And the package holds version 39.4
    And nobody answers "Check the promotion pathway" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Check the promotion pathway"
    And the reason says "Test is 4 minor version(s) ahead, 2 allowed"
    And nothing has been changed on any system

  @POL-1b @Test
  Scenario Outline: Across a major version the published releases are counted
    Given the releases <releases> are listed in the configuration
    And nobody answers "Check the promotion pathway" yet
    And nobody answers "Release notes reviewed" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "<question>"

    Examples:
      | releases            | question                    |
      | 38,39,39.1          | Release notes reviewed      |
      | 38,38.1,38.2,39.1   | Check the promotion pathway |

  @POL-2 @Test
  Scenario: The release notes are read first
    Given nobody answers "Release notes reviewed" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Release notes reviewed"
    And nothing has been changed on any system

  @POL-2 @Test
  Scenario: Which release notes were read, and by whom, is recorded
    Given the answer to "Release notes reviewed" has "reviewer" as Kim of the video team
    And the answer to "Release notes reviewed" has "read-on" as 2026-03-01
    When the upgrade of Test is brought to its approval
    Then the record of "Release notes reviewed" says "Kim of the video team"
    And the record of "Release notes reviewed" says "2026-03-01"
    And the record of "Release notes reviewed" says "operator@workstation"

  @POL-2 @Test
  Scenario Outline: What does not say which release notes were read, by whom and when, is not taken
    Given the answer to "Release notes reviewed" has "<entry>" as <text>
    When Test is upgraded
    Then the upgrade stops at "Release notes reviewed"
    And the reason says "<reason>"
    And nothing has been changed on any system

    Examples:
      | entry   | text              | reason              |
      | link    | the notes of 39.1 | link must be a link |
      | read-on | 2999-01-01        | is still to come    |

  @POL-2 @Test
  Scenario: Release notes that nobody has read are not taken
    Given the answer to "Release notes reviewed" leaves "reviewer" empty
    When Test is upgraded
    Then the upgrade stops at "Release notes reviewed"
    And the reason says "reviewer is needed"
    And nothing has been changed on any system

  @POL-2a @Test
  Scenario: A vendor's introduction that was missed is recorded and stops nobody
    Given the answer to "Vendor's introduction attended" has "attended" as no
    When the upgrade of Test is brought to its approval
    Then the upgrade waits for an answer to "Approve the plan"
    And the record of "Vendor's introduction attended" says "no"

  @POL-2a @Test
  Scenario: Who attended the vendor's introduction, and when, is recorded
    Given the answer to "Vendor's introduction attended" has "by" as Kim and Alex
    And the answer to "Vendor's introduction attended" has "held-on" as 2026-02-03
    When the upgrade of Test is brought to its approval
    Then the record of "Vendor's introduction attended" says "Kim and Alex"
    And the record of "Vendor's introduction attended" says "2026-02-03"

  @POL-2a @Test
  Scenario: An introduction that was attended was attended by somebody
    Given the answer to "Vendor's introduction attended" leaves "by" empty
    When Test is upgraded
    Then the upgrade stops at "Vendor's introduction attended"
    And the reason says "by is needed"
    And nothing has been changed on any system

  @POL-2a @Test
  Scenario: Whether the vendor's introduction was attended has a plain answer
    Given the answer to "Vendor's introduction attended" has "attended" as perhaps
    When Test is upgraded
    Then the upgrade stops at "Vendor's introduction attended"
    And the reason says "it must be one of yes, no, none offered"
    And nothing has been changed on any system

  @POL-3 @Test
  Scenario: Nothing is upgraded before breaking changes have been thought of
    Given nobody answers "Breaking changes mitigated" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Breaking changes mitigated"
    And nothing has been changed on any system

  @POL-3 @Test
  Scenario: An expected breaking change is mitigated before Test is upgraded
    Given the answer to "Breaking changes mitigated" has "expected" as yes
    And the answer to "Breaking changes mitigated" leaves "mitigation" empty
    When Test is upgraded
    Then the upgrade stops at "Breaking changes mitigated"
    And the reason says "mitigation is needed"
    And nothing has been changed on any system

  @POL-3 @Test
  Scenario: The document that describes a mitigation is kept with the record, as it was
    Given the answer to "Breaking changes mitigated" has "expected" as yes
    And the answer to "Breaking changes mitigated" brings a document that describes it
    When the upgrade of Test is brought to its approval
    Then the record notices that the document of "Breaking changes mitigated" is changed

  @POL-3 @Production
  Scenario: What Test needed is applied to Production too
    Given Test has been upgraded in this way, with the mitigation "open port 5061 for the gateways"
    When the upgrade of Production is brought to its approval
    Then a person is asked "Apply Test's mitigation to Production: open port 5061 for the gateways"
    And the upgrade waits for an answer to "Approve the plan"

  @POL-3 @Production
  Scenario: Production is not touched while the change that Test needed is missing there
    Given Test has been upgraded in this way, with the mitigation "open port 5061 for the gateways"
    And the answer to "Apply Test's mitigation to Production: open port 5061 for the gateways" has "applied" as not yet
    When Production is upgraded
    Then the upgrade stops at "Apply Test's mitigation to Production: open port 5061 for the gateways"
    And nothing has been changed on any system

  @POL-4 @Production
  Scenario: Production relies on an upgrade of Test that was verified
    Given Test has been upgraded in this way
    When the upgrade of Production is brought to its approval
    Then the upgrade waits for an answer to "Approve the plan"
    And no person is asked "Check the promotion pathway"

  @POL-4 @Production
  Scenario: Without a record of how Test was verified Production is not upgraded
    Given Test runs version 39.1 and Production runs version 38
    When Production is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "no completed upgrade of Test to 39.1"
    And nothing has been changed on any system

  @POL-4 @POL-0 @Production
  Scenario: The missing record of Test is an exception that two people may document
    Given Test runs version 39.1 and Production runs version 38
    And this exception is on file:
      | name         | W-8                                     |
      | clause       | POL-4                                   |
      | rule         | test-evidence                           |
      | environment  | Production                              |
      | versions     | 39.1                                    |
      | reason       | Test was upgraded by hand, and verified |
      | requested by | Ana                                     |
      | approved by  | Bo                                      |
      | expires      | in 7 days                               |
    When the upgrade of Production is brought to its approval
    Then the upgrade waits for an answer to "Approve the plan"
    And the report begins with "waiver used: W-8 of POL-4"

  @POL-4 @Production
  Scenario: A record of Test that somebody has changed proves nothing
    Given Test has been upgraded in this way
    And the record of Test's upgrade has been changed since
    When Production is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "is not sound"
    And nothing has been changed on any system

  @POL-4a @VER-3 @Test
  Scenario: The service is tried with a development build of the app; who took the call is recorded, and the platform saw it
    Given the answer to "Call from the BC Services Card app" has "build" as QA
    And the answer to "Call from the BC Services Card app" has "taken-by" as Alex on the VBV Test Queue
    When Test is upgraded
    Then the upgrade has ended as completed
    And the record of "Call from the BC Services Card app" says "QA"
    And the record of "Call from the BC Services Card app" says "Alex on the VBV Test Queue"
    And the record of "Call from the BC Services Card app" says "corroborated: the platform saw a call at that time"

  @POL-4a @VER-3 @Test
  Scenario: A call that the platform did not see is marked, and stops nobody
    Given no call reaches the VbV service of Test
    When Test is upgraded
    Then the upgrade has ended as completed
    And the record of "Call from the BC Services Card app" says "the Management Node saw no call on an upgraded node"
    And the record of "Call from the BC Services Card app" says "uncorroborated"

  @POL-4a @VER-3 @Test
  Scenario: Where calls cannot be looked up, the record says so
    Given the call history of Test cannot be read
    When Test is upgraded
    Then the upgrade has ended as completed
    And the record of "Call from the BC Services Card app" says "uncorroborated: whether the platform saw the call could not be looked up"

  @POL-4a @VER-3 @Test
  Scenario: A call from before the upgrade does not count
    Given the answer to "Call from the BC Services Card app" has "time" as 2026-01-02 15:04 -0800
    When Test is upgraded
    Then the upgrade stops at "Call from the BC Services Card app"
    And the reason says "make a call now"
    And these are still to be put back:
      | pipeline        |
      | session timeout |

  @POL-4a @Test
  Scenario: A call from the released app does not count
    Given the answer to "Call from the BC Services Card app" has "build" as Production
    When Test is upgraded
    Then the upgrade stops at "Call from the BC Services Card app"
    And the reason says "it must be one of Dev, QA"

  @POL-5 @Production
  Scenario: Production does not go to a version that Test does not run
    When Production is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "different releases"
    And nothing has been changed on any system

  @POL-5 @POL-0 @Production
  Scenario: No note in the configuration brings Production ahead of Test
    Given an exception to POL-5 is documented by "Kim", because "Production needs it first"
    When Production is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And nothing has been changed on any system

  @POL-5 @Production
  Scenario: Production does not go to another build than Test's either
    Given Test runs version 38 and Production runs version 38
    And Test runs another build of version 39.1
    When Production is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "same release, different builds"
    And nothing has been changed on any system

  @POL-5 @POL-5a @Production
  Scenario: Production does not get another file than the one that Test got
    Given Test has been upgraded in this way
    And the file has been replaced since by another one of version 39.1
    When Production is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "use the same file"
    And nothing has been changed on any system

  @POL-5a @Test
  Scenario: The file is not the one that Pexip published
    Given the checksum on Pexip's download page is another one
    When Test is upgraded
    Then the upgrade stops at "Check the upgrade file"
    And the reason says "do not use this file; download it again"
    And nothing has been changed on any system

  @POL-5a @Test
  Scenario: The file has the right checksum and holds another version
    Given the file at hand holds version 39 instead
    When Test is upgraded
    Then the upgrade stops at "Let the node name what it received"
    And the reason says "nothing was installed"
    And "Pexip Test: start the upgrade" was called 0 times
    And every node of Test runs version 38
