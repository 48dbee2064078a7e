# The file from Pexip's download page, a recent recovery point, the pipeline paused, the VMs running, the
# session timeout off: then Pexip's own procedure, with the upgrade started exactly once.
@Upgrade
Feature: Upgrade
  UPG-1: The upgrade file comes from Pexip's download page.
  UPG-2: There is a recent recovery point; otherwise one is made, with the machine off, before anything else.
  UPG-3: The start/stop pipeline (definition 107) is paused so that it stops no machine during the upgrade.
  UPG-3a: Outside service hours the environment is started by hand, so that its machines run.
  UPG-4: The session timeout of the management web interface is switched off.
  UPG-5: The upgrade follows Pexip's own procedure.

  Background:
    Given Test runs version 38 and Production runs version 38
    And the package holds version 39.1

  @UPG-3 @UPG-4 @UPG-5 @VER-4 @VER-5 @RISK-1 @Test
  Scenario: The whole upgrade of Test, and nothing but what the document says
    When Test is upgraded
    Then the upgrade has ended as completed
    And these calls were made in this order:
      | system       | call                           | on                |
      | Azure DevOps | pause the pipeline             |                   |
      | Pexip Test   | make a backup                  |                   |
      | Azure        | stop                           | vm-node-conf-core |
      | Azure        | stop                           | vm-node-mgmt-core |
      | Azure        | back up                        | vm-node-conf-core |
      | Azure        | back up                        | vm-node-mgmt-core |
      | Azure        | start                          | vm-node-conf-core |
      | Azure        | start                          | vm-node-mgmt-core |
      | Pexip Test   | switch the session timeout off |                   |
      | Pexip Test   | announce the package           |                   |
      | Pexip Test   | send the package               |                   |
      | Pexip Test   | validate the package           |                   |
      | Pexip Test   | start the upgrade              |                   |
      | Pexip Test   | switch the session timeout on  |                   |
      | Azure DevOps | resume the pipeline            |                   |
    And every node of Test runs version 39.1
    And every node of Production runs version 38
    And the record of "Make and fetch Pexip's own backup" says "fetched and verified"
    And nothing is left to put back

  @UPG-5 @POL-5 @VER-3 @Production
  Scenario: The whole upgrade of Production, after Test
    Given Test has been upgraded in this way
    When Production is upgraded
    Then the upgrade has ended as completed
    And these calls were made in this order:
      | system           | call                           | on                |
      | Azure DevOps     | pause the pipeline             |                   |
      | Pexip Production | make a backup                  |                   |
      | Azure            | stop                           | vm-node-conf-test |
      | Azure            | stop                           | vm-node-mgmt-test |
      | Azure            | back up                        | vm-node-conf-test |
      | Azure            | back up                        | vm-node-mgmt-test |
      | Azure            | start                          | vm-node-conf-test |
      | Azure            | start                          | vm-node-mgmt-test |
      | Pexip Production | switch the session timeout off |                   |
      | Pexip Production | announce the package           |                   |
      | Pexip Production | send the package               |                   |
      | Pexip Production | validate the package           |                   |
      | Pexip Production | start the upgrade              |                   |
      | Pexip Production | switch the session timeout on  |                   |
      | Azure DevOps     | resume the pipeline            |                   |
    And every node of Production runs version 39.1
    And no person is asked "Call from the BC Services Card app"

  @UPG-1 @Test
  Scenario: It must be recorded where the checksum was read
    Given it is not recorded where the checksum was read
    When Test is upgraded
    Then the upgrade stops at "Check the upgrade file"
    And the reason says "UPG-1"
    And nothing has been changed on any system

  @UPG-2 @SNAP-1 @Test
  Scenario: With a recent recovery point of each VM none is stopped
    Given recovery points younger than 24 hours may be used again
    And each VM of Test has a recovery point that is 3 hours old
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Stop vm-node-mgmt-core" was not needed
    And "Back up vm-node-conf-core" was not needed
    And "Azure: stop vm-node-mgmt-core" was called 0 times
    And "Azure: back up vm-node-mgmt-core" was called 0 times

  @UPG-2 @Test
  Scenario: Without a recent recovery point one is taken first
    Given recovery points younger than 24 hours may be used again
    And each VM of Test has a recovery point that is 30 hours old
    When Test is upgraded
    Then the upgrade has ended as completed
    And these calls were made in this order, among others:
      | system     | call                           | on                |
      | Azure      | back up                        | vm-node-conf-core |
      | Azure      | back up                        | vm-node-mgmt-core |
      | Pexip Test | switch the session timeout off |                   |
      | Pexip Test | start the upgrade              |                   |

  @UPG-3 @Test
  Scenario Outline: Whoever may not handle the pipeline learns it before anything is changed
    Given the account in Azure DevOps may not <do>
    When Test is upgraded
    Then the upgrade stops at "Check the rights on the start/stop pipeline"
    And nothing has been changed on any system

    Examples:
      | do                      |
      | edit the pipeline       |
      | run the pipeline        |
      | stop the runs of others |

  @UPG-3 @Test
  Scenario: The token for Azure DevOps has expired
    Given the token for Azure DevOps has expired
    When Test is upgraded
    Then the upgrade stops at "Check the rights on the start/stop pipeline"
    And nothing has been changed on any system

  @UPG-3 @Test
  Scenario: It is looked up whether the pause came about when no proper answer arrives
    Given the answer to "Azure DevOps: pause the pipeline" is lost once
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Azure DevOps: pause the pipeline" was called 1 time
    And the pipeline is enabled

  @UPG-3a @Test
  Scenario: Outside service hours the VMs are started through the pipeline before it is paused
    Given every VM of Test is off
    When Test is upgraded
    Then a person is asked "Start the environment if it is off"
    And the upgrade has ended as completed
    And these calls were made in this order, among others:
      | system       | call               |
      | Azure DevOps | run the pipeline   |
      | Azure DevOps | pause the pipeline |
    And every VM of Test runs

  @UPG-3a @Test
  Scenario: An environment that is off is not started without a yes
    Given every VM of Test is off
    And nobody answers "Start the environment if it is off" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Start the environment if it is off"
    And nothing has been changed on any system

  @UPG-3a @Test
  Scenario: A paused pipeline starts nothing, so the VMs are started one by one
    Given every VM of Test is off
    And a colleague has paused the pipeline
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Azure DevOps: run the pipeline" was called 0 times
    And these calls were made in this order, among others:
      | system | call  | on                |
      | Azure  | start | vm-node-conf-core |
      | Azure  | stop  | vm-node-conf-core |
    And every VM of Test runs

  @UPG-3a @Test
  Scenario: A plan for an environment that is off says so and starts nothing
    Given every VM of Test is off
    When the plan for Test is looked at
    Then no check refuses
    And nothing has been changed on any system

  @UPG-4 @VER-4 @Test
  Scenario: A session timeout that was off already stays off
    Given the session timeout of Test was switched off before
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Pexip Test: switch the session timeout on" was called 0 times
    And the session timeout of Test is off

  @UPG-4 @Test
  Scenario: It is looked up whether the session timeout is off when no proper answer arrives
    Given the answer to "Pexip Test: switch the session timeout off" is lost once
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Pexip Test: switch the session timeout off" was called 1 time
    And the session timeout of Test is on

  @UPG-4 @Test
  Scenario: Nothing is uploaded while the session timeout cannot be switched off
    Given "Pexip Test: switch the session timeout off" is answered 1 time with an error page
    When Test is upgraded
    Then the upgrade stops at "Switch the session timeout off"
    And "Pexip Test: announce the package" was called 0 times
    And the session timeout of Test is on
    And the pipeline is paused

  @UPG-5 @Test
  Scenario: When the answer to the start is lost, the upgrade is not started again
    Given the answer to "Pexip Test: start the upgrade" is lost once
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Pexip Test: start the upgrade" was called 1 time

  @UPG-5 @Test
  Scenario: When nothing shows whether the start arrived, a person decides
    Given the request "Pexip Test: start the upgrade" is lost once
    And the search for signs of a start ends soon
    When Test is upgraded
    Then the upgrade stops at "Start the upgrade"
    And "Pexip Test: start the upgrade" was called 0 times
    And every node of Test runs version 38

  @UPG-5 @Test
  Scenario: Only a person's word that the first try had no effect lets the upgrade be started again
    Given the request "Pexip Test: start the upgrade" is lost once
    And the search for signs of a start ends soon
    And the operator decides to retry after "Start the upgrade"
    And the operator decides to retry after "Start the upgrade"
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Pexip Test: start the upgrade" was called 1 time

  @UPG-5 @Test
  Scenario: The workstation fails at the very moment of the start
    Given the workstation stops right after "Pexip Test: start the upgrade"
    And an upgrade of Test was begun
    When the upgrade of Test is resumed
    Then the upgrade has ended as completed
    And "Pexip Test: start the upgrade" was called 1 time
    And nothing is left to put back

  @UPG-5 @Test
  Scenario: Two people cannot upgrade the same environment
    Given nobody answers "Approve the plan" yet
    And an upgrade of Test was begun
    When Test is upgraded
    Then the upgrade is not begun
    And the reason says "test already has the run"
    And nothing has been changed on any system

  @UPG-5 @Test
  Scenario: Somebody else's upload is not touched
    Given somebody else's upload lies on the Management Node of Test
    When Test is upgraded
    Then the upgrade stops at "Check that the platform is sound"
    And the reason says "somebody else's upload"
    And nothing has been changed on any system

  @UPG-5 @Test
  Scenario Outline: Pexip has no way back and no way to where one is
    Given Test runs version <installed> and Production runs version <installed>
    And the package holds version <package>
    When Test is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "<reason>"
    And nothing has been changed on any system

    Examples:
      | installed | package | reason                  |
      | 39.1      | 38      | the target is older     |
      | 39.1      | 39.1    | already installed       |
      | 34        | 39.1    | accepts 35 or later     |

  @UPG-5 @Test
  Scenario: A node without upload in parts is upgraded by hand, with everything around it done
    Given the Management Node of Test offers no upload in parts
    And the package is uploaded by hand
    And the operator uploads the package and starts the upgrade in the web interface
    When Test is upgraded
    Then the upgrade has ended as completed
    And a person is asked "Upload the package"
    And "Pexip Test: upload the package and start the upgrade" was called 1 time
    And every node of Test runs version 39.1

  @UPG-5 @Test
  Scenario: A node without upload in parts is recognised before anything is changed
    Given the Management Node of Test offers no upload in parts
    When Test is upgraded
    Then the upgrade stops at "Check the access to the Management Node"
    And the reason says "manual is always possible"
    And nothing has been changed on any system

  @UPG-5 @POL-0 @Test
  Scenario: A risk that the team has named stops the upgrade until somebody accepts it
    Given the risk "teams-connector" of every upgrade to version 39.1 is on file: "The Teams Connector must have the same version."
    When Test is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "teams-connector: The Teams Connector must have the same version."
    And the reason says "avoid it, or accept it by name"
    And nothing has been changed on any system

  @UPG-5 @POL-0 @Test
  Scenario: A named risk that was accepted for this version is kept with the name and the reason
    Given the risk "teams-connector" of every upgrade to version 39.1 is on file: "The Teams Connector must have the same version."
    And "Ana" has accepted the risk "teams-connector" for version 39.1, when it read "The Teams Connector must have the same version."
    When the upgrade of Test is brought to its approval
    Then the upgrade waits for an answer to "Approve the plan"
    And the report begins with "accepted by Ana on 2026-01-02: it is planned"

  @UPG-5 @POL-0 @Test
  Scenario: Who accepted a named risk has not accepted what it says since
    Given the risk "teams-connector" of every upgrade to version 39.1 is on file: "The Teams Connector does not work with this version."
    And "Ana" has accepted the risk "teams-connector" for version 39.1, when it read "The Teams Connector must have the same version."
    When Test is upgraded
    Then the upgrade stops at "Check the promotion pathway"
    And the reason says "the acceptance by Ana of 2026-01-02 is void: the text has changed since"
    And nothing has been changed on any system
