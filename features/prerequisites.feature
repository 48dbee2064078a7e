# Whoever upgrades needs administrative access to the Management Node, to the Azure subscription and
# to the environment's VMs, and a workstation that stays awake. All of it is found out before
# anything is touched.
@Prerequisites
Feature: Prerequisites
  PRE-1: Whoever upgrades may administer Pexip's Management Node (Entra group MAX - Video Conferencing Users).
  PRE-2: Whoever upgrades may administer the subscription: Subscription Contributors, Tenant Root Contributors or Tenant Root Owners.
  PRE-3: Whoever upgrades may write the virtual machines in the resource groups of the environment.
  PRE-4: The workstation stays awake and unlocked while the large file uploads.

  Background:
    Given Test runs version 38 and Production runs version 38
    And the package holds version 39.1

  @PRE-1 @PRE-2 @PRE-3 @Test
  Scenario: Whoever has every right sees so before the upgrade
    When the plan for Test is looked at
    Then no check refuses
    And nothing has been changed on any system

  @PRE-1 @PRE-2 @PRE-3 @Production
  Scenario: A plan for Production looks at Production and changes nothing either
    Given Test has been upgraded in this way
    When the plan for Production is looked at
    Then no check refuses
    And nothing has been changed on any system

  @PRE-1 @Test
  Scenario: The Management Node does not accept the caller
    Given the Management Node of Test does not know the caller
    When Test is upgraded
    Then the upgrade stops at "Check the access to the Management Node"
    And nothing has been changed on any system

  @PRE-1 @Test
  Scenario: The account on the Management Node may look but not change
    Given the account on the Management Node of Test may only read
    When the plan for Test is looked at
    Then the check "Check the access to the Management Node" refuses
    And the reason says "switch the session timeout"
    And the reason says "give the API client's role this permission"

  @PRE-2 @Test
  Scenario: The sign-in to Azure has expired
    Given the sign-in to Azure has expired
    When Test is upgraded
    Then the upgrade stops at "Check the rights in Azure"
    And the reason says "sign in again"
    And nothing has been changed on any system

  @PRE-2 @Test
  Scenario: The subscription's role does not allow backups
    Given the account in Azure may not back up VMs
    When Test is upgraded
    Then the upgrade stops at "Check the rights in Azure"
    And the reason says "PRE-2"
    And the reason says "Backup Operator"
    And nothing has been changed on any system

  @PRE-3 @Test
  Scenario Outline: The VMs of the environment may not be changed
    Given the account in Azure may not <do>
    When Test is upgraded
    Then the upgrade stops at "Check the rights in Azure"
    And the reason says "PRE-3"
    And nothing has been changed on any system

    Examples:
      | do        |
      | stop VMs  |
      | start VMs |

  @PRE-3 @Test
  Scenario: The VMs of the environment may not even be looked at
    Given the account in Azure may not read VMs
    When Test is upgraded
    Then the upgrade stops at "Check the rights in Azure"
    And nothing has been changed on any system

  @PRE-3 @Test
  Scenario: A lock would keep the VMs from being started again
    Given the resource group of Test is locked against changes
    When the plan for Test is looked at
    Then the check "Check the rights in Azure" refuses
    And the reason says "have the lock removed"

  @PRE-4 @Test
  Scenario: The record tells how the workstation was kept awake during the upload
    When Test is upgraded
    Then the upgrade has ended as completed
    And the record of "Upload the package" says "workstation: "
    And the record of "Upload the package" says "kept awake"
